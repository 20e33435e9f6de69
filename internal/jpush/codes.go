package jpush

import "slices"

// Text is a sentence for people in English and in Chinese.
type Text struct{ EN, ZH string }

// Condition names a failure that comes without an API code. The names are stable.
type Condition string

// The conditions. The first group is told by the HTTP status alone.
const (
	Unauthorized Condition = "unauthorized"
	Forbidden    Condition = "forbidden"
	NotFound     Condition = "not_found"
	WrongMethod  Condition = "wrong_method"
	SlowRequest  Condition = "slow_request"
	Retired      Condition = "retired"
	Busy         Condition = "busy"

	Redirected  Condition = "redirected"   // any 3xx
	Refused     Condition = "refused"      // any other 4xx without an API error
	ServerError Condition = "server_error" // any other 5xx, and whatever is no HTTP status

	Unreachable  Condition = "unreachable"   // no connection was ever obtained
	Untrusted    Condition = "untrusted"     // TLS: wrong certificate or too old a version
	LostAnswer   Condition = "lost_answer"   // the connection broke or went silent
	NotAnAnswer  Condition = "not_an_answer" // 2xx, but cut, too large, no JSON, or JSON that says nothing
	Interrupted  Condition = "interrupted"   // the caller's context ended
	UnknownCode  Condition = "unknown_code"  // an API error that the documents don't list
	BrokenKey    Condition = "broken_key"    // an app_key that can't be one
	OtherPackage Condition = "other_package" // an answer about another app
	BadArgument  Condition = "bad_argument"  // refused before anything was sent
)

// Entry is one row of the error table.
type Entry struct {
	Code      int       // of the API; 0 where Condition is set
	Condition Condition // empty where Code is set
	Status    int       // the HTTP status it usually comes with; 0: none or several
	Class     Class
	Meaning   Text // what it says, lower case, no full stop
	Remedy    Text // what a person can do
}

// table is the one place that knows the API's codes. The codes, their statuses and their
// first meanings are those of the Admin API's documents; 4006, 2001 and 2002 come from the
// documents of JPush's other APIs.
var table = []Entry{
	{
		Code: 10, Status: 500, Class: ClassSystem,
		Meaning: Text{"system error at JPush", "极光系统错误"},
		Remedy:  Text{"run again later; if it stays, tell JPush support", "稍后重试；若持续出现，请联系极光技术支持"},
	},
	{
		Code: 1010, Status: 200, Class: ClassConverged,
		Meaning: Text{"the certificate is there already", "证书已存在"},
		Remedy:  Text{"nothing to do; look in the console if you doubt that it is this file", "无需处理；如有疑问，请在控制台确认是否为该文件"},
	},
	{
		Code: 1012, Status: 200, Class: ClassApp,
		Meaning: Text{"the certificate is invalid", "证书不合法"},
		Remedy:  Text{"check the .p12: its password, environment, bundle ID and expiry, and that it holds its private key", "请检查 .p12 文件：密码、环境、bundle ID、有效期，以及是否包含私钥"},
	},
	{
		Code: 1013, Status: 200, Class: ClassGone,
		Meaning: Text{"the app key is invalid", "appkey 不合法"},
		Remedy:  Text{"the app was deleted or belongs to another account: look in the console, then `jpsync state rm` its record", "该应用已被删除或属于其他账号：请在控制台确认，然后用 `jpsync state rm` 移除记录"},
	},
	{
		Code: 1014, Status: 200, Class: ClassApp,
		Meaning: Text{"no certificate file in the request", "参数中没有证书文件"},
		Remedy:  Text{"a proxy may have changed the request, or this is a defect of jpsync: please report it", "可能是代理改动了请求，或是 jpsync 的缺陷：请反馈"},
	},
	{
		Code: 1015, Status: 200, Class: ClassApp,
		Meaning: Text{"the app could not be deleted", "app 删除失败"},
		Remedy:  Text{"the app stays recorded; run again, or delete it in the console", "该应用仍保留在记录中；请重试，或在控制台删除"},
	},
	{
		Code: 4001, Status: 405, Class: ClassStop,
		Meaning: Text{"only POST is supported", "只支持 HTTP Post 方法"},
		Remedy:  Text{"check the endpoint, and for a proxy that changes requests", "请检查 endpoint，以及是否有改动请求的代理"},
	},
	{
		Code: 4002, Status: 400, Class: ClassApp,
		Meaning: Text{"the request has no parameters", "请求参数为空"},
		Remedy:  Text{"check the app's entry in the manifest, and for a proxy that drops request bodies", "请检查清单中该应用的条目，以及是否有丢弃请求体的代理"},
	},
	{
		Code: 4003, Status: 400, Class: ClassApp,
		Meaning: Text{"the request's parameters are invalid", "请求参数非法"},
		Remedy:  Text{"check app_name, android_package and group_name in the manifest", "请检查清单中的 app_name、android_package 和 group_name"},
	},
	{
		Code: 4004, Status: 401, Class: ClassAuth,
		Meaning: Text{"the dev_key does not exist", "权限校验错误：dev_key 不存在"},
		Remedy:  Text{"take the dev_key from the account page of the JPush console", "请从极光控制台的开发者帐号页面获取 dev_key"},
	},
	{
		Code: 4005, Status: 401, Class: ClassAuth,
		Meaning: Text{"the dev_secret is wrong", "权限校验错误：dev_secret 不正确"},
		Remedy:  Text{"take the dev_secret from the account page of the JPush console, where the dev_key stands", "请从极光控制台的开发者帐号页面获取与 dev_key 对应的 dev_secret"},
	},
	{
		Code: 4006, Status: 401, Class: ClassAuth,
		Meaning: Text{"the Authorization header is malformed", "Authorization 请求头格式错误"},
		Remedy:  Text{"check dev_key and dev_secret for spaces and line breaks, and for a proxy that changes headers", "请检查 dev_key 与 dev_secret 是否含空格或换行，以及是否有改动请求头的代理"},
	},
	{
		Code: 4007, Status: 401, Class: ClassAuth,
		Meaning: Text{"the Admin API is not enabled for this account", "该账号未开通 Admin API 权限"},
		Remedy:  Text{"ask JPush to open the Admin API for the account: it is granted on request only", "请联系极光为该账号开通 Admin API：仅按申请开通"},
	},
	{
		Code: 2001, Status: 429, Class: ClassLost,
		Meaning: Text{"too many requests for the account's quota", "请求过于频繁，超出账号配额"},
		Remedy:  Text{"run again with a lower --rate", "请用更低的 --rate 重试"},
	},
	{
		Code: 2002, Status: 429, Class: ClassLost,
		Meaning: Text{"too many requests", "请求过于频繁"},
		Remedy:  Text{"run again with a lower --rate", "请用更低的 --rate 重试"},
	},

	{
		Condition: Unauthorized, Status: 401, Class: ClassAuth,
		Meaning: Text{"the credentials were refused without a reason", "凭证被拒绝，未说明原因"},
		Remedy:  Text{"check dev_key and dev_secret, and for a proxy that wants a login", "请检查 dev_key 与 dev_secret，以及是否有要求登录的代理"},
	},
	{
		Condition: Forbidden, Status: 403, Class: ClassStop,
		Meaning: Text{"access is forbidden, and it was not the API that said so", "访问被禁止，且并非 API 的回应"},
		Remedy:  Text{"check for a proxy, a firewall or an address filter between you and the endpoint", "请检查与 endpoint 之间的代理、防火墙或地址过滤"},
	},
	{
		Condition: NotFound, Status: 404, Class: ClassStop,
		Meaning: Text{"there is no Admin API at this address", "该地址没有 Admin API"},
		Remedy:  Text{"check the endpoint; JPush's own is " + DefaultEndpoint, "请检查 endpoint；极光的地址是 " + DefaultEndpoint},
	},
	{
		Condition: WrongMethod, Status: 405, Class: ClassStop,
		Meaning: Text{"the address does not take POST requests", "该地址不接受 POST 请求"},
		Remedy:  Text{"check the endpoint, and for a proxy that changes requests", "请检查 endpoint，以及是否有改动请求的代理"},
	},
	{
		Condition: SlowRequest, Status: 408, Class: ClassLost,
		Meaning: Text{"the server gave up waiting for the request", "服务器等待请求超时"},
		Remedy:  Text{"check the network, then run again", "请检查网络后重试"},
	},
	{
		Condition: Retired, Status: 410, Class: ClassStop,
		Meaning: Text{"this version of the API is retired", "该版本的 API 已下线"},
		Remedy:  Text{"look for a newer jpsync, or ask JPush what replaced the API", "请升级 jpsync，或向极光咨询替代的 API"},
	},
	{
		Condition: Busy, Status: 429, Class: ClassLost,
		Meaning: Text{"too many requests", "请求过于频繁"},
		Remedy:  Text{"run again with a lower --rate", "请用更低的 --rate 重试"},
	},
	{
		Condition: Redirected, Class: ClassStop,
		Meaning: Text{"the server redirects, and redirects are not followed: they would take the credentials elsewhere", "服务器要求重定向；为避免凭证外泄，不跟随重定向"},
		Remedy:  Text{"set the endpoint to the final address, after checking that it is JPush's", "请确认目标地址属于极光后，将 endpoint 设为最终地址"},
	},
	{
		Condition: Refused, Class: ClassApp,
		Meaning: Text{"the request was refused without an API error", "请求被拒绝，且没有 API 错误码"},
		Remedy:  Text{"check for a proxy that filters or limits requests", "请检查是否有过滤或限制请求的代理"},
	},
	{
		Condition: ServerError, Class: ClassLost,
		Meaning: Text{"the server, or a proxy before it, failed without telling what became of the request", "服务器或其前端代理出错，未说明请求结果"},
		Remedy:  Text{"run again later: what is not settled is asked again", "请稍后重试：未确认的请求会再次发送"},
	},
	{
		Condition: Unreachable, Class: ClassLost,
		Meaning: Text{"no connection to the server, so nothing was sent", "无法连接服务器，请求未发送"},
		Remedy:  Text{"check the network, DNS, proxy settings and the endpoint", "请检查网络、DNS、代理设置和 endpoint"},
	},
	{
		Condition: Untrusted, Class: ClassStop,
		Meaning: Text{"the server could not prove over TLS that it is the right one, so nothing was sent", "服务器未通过 TLS 验证，请求未发送"},
		Remedy:  Text{"check the endpoint, the clock, and for a proxy that inspects TLS: its root certificate has to be trusted by the system", "请检查 endpoint、系统时钟，以及是否有解密 TLS 的代理：其根证书须被系统信任"},
	},
	{
		Condition: LostAnswer, Class: ClassLost,
		Meaning: Text{"the answer was lost", "应答丢失"},
		Remedy:  Text{"check the network, then run again: what is not settled is asked again", "请检查网络后重试：未确认的请求会再次发送"},
	},
	{
		Condition: NotAnAnswer, Class: ClassLost,
		Meaning: Text{"what came back is no answer of the API: cut off, too large, not JSON, or empty of meaning", "返回内容不是 API 应答：被截断、过大、非 JSON 或无有效内容"},
		Remedy:  Text{"check for a proxy or a login page between you and the endpoint, then run again", "请检查与 endpoint 之间的代理或登录页面后重试"},
	},
	{
		Condition: Interrupted, Class: ClassLost,
		Meaning: Text{"interrupted before an answer came", "在收到应答前被中断"},
		Remedy:  Text{"run again", "请重新运行"},
	},
	{
		Condition: UnknownCode, Class: ClassApp,
		Meaning: Text{"an error that the API's documents do not list", "API 文档未列出的错误"},
		Remedy:  Text{"look for a newer jpsync, or ask JPush support what the code means", "请升级 jpsync，或向极光技术支持咨询该错误码"},
	},
	{
		Condition: BrokenKey, Class: ClassApp,
		Meaning: Text{"the answer's app_key can't be one: 1 to 128 letters, digits, - and _ are", "应答中的 app_key 无效：应为 1 到 128 个字母、数字、- 或 _"},
		Remedy:  Text{"look the app key up in the console and record it with `jpsync import`", "请在控制台查到 app key，并用 `jpsync import` 记录"},
	},
	{
		Condition: OtherPackage, Class: ClassApp,
		Meaning: Text{"the answer is about another app than the one asked for", "应答对应的不是所请求的应用"},
		Remedy:  Text{"look both apps up in the console; record the right app key with `jpsync import`", "请在控制台核对两个应用，并用 `jpsync import` 记录正确的 app key"},
	},
	{
		Condition: BadArgument, Class: ClassApp,
		Meaning: Text{"nothing was sent: the request would have been malformed", "请求格式不合法，未发送"},
		Remedy:  Text{"check the app's record with `jpsync state show`", "请用 `jpsync state show` 检查该应用的记录"},
	},
}

// Entries returns a copy of the whole table: the codes first, then the conditions.
func Entries() []Entry { return slices.Clone(table) }

// LookupCode returns the row of an API code.
func LookupCode(code int) (Entry, bool) {
	return find(func(e *Entry) bool { return code != 0 && e.Code == code })
}

// LookupCondition returns the row of a condition.
func LookupCondition(c Condition) (Entry, bool) {
	return find(func(e *Entry) bool { return c != "" && e.Condition == c })
}

// lookupStatus returns the row for an HTTP status that came without an API error.
func lookupStatus(status int) Entry {
	if e, ok := find(func(e *Entry) bool { return e.Condition != "" && e.Status == status }); ok {
		return e
	}
	family := ServerError
	switch {
	case status >= 200 && status < 300:
		family = NotAnAnswer
	case status >= 300 && status < 400:
		family = Redirected
	case status >= 400 && status < 500:
		family = Refused
	}
	e, _ := LookupCondition(family)
	return e
}

func find(match func(*Entry) bool) (Entry, bool) {
	for i := range table {
		if match(&table[i]) {
			return table[i], true
		}
	}
	return Entry{}, false
}
