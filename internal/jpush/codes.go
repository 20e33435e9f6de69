package jpush

import "slices"

// Class says what a caller can do about an [Error]. Retry and stop decisions depend on
// nothing else.
type Class string

// The classes. Only ClassLost leaves open whether the server executed the request, and not always:
// see [Error.OutcomeUnknown].
const (
	// ClassApp: this request failed, the others may succeed. Sending it again does not
	// help.
	ClassApp Class = "app"
	// ClassConverged: the server has this certificate already. There is nothing to do.
	ClassConverged Class = "converged"
	// ClassGone: the server knows no app with this key. After a delete whose answer was
	// lost this means success; otherwise the request failed.
	ClassGone Class = "gone"
	// ClassSystem: the server reported a failure of its own (code 10). It did not execute
	// the request and may do so the next time.
	ClassSystem Class = "system"
	// ClassLost: no usable answer arrived. The request may be sent again.
	ClassLost Class = "lost"
	// ClassAuth: the credentials were refused. Every other request will be refused too.
	ClassAuth Class = "auth"
	// ClassStop: the endpoint is no usable Admin API: a wrong address, a proxy, a retired
	// version. No request can succeed.
	ClassStop Class = "stop"
)

// Retryable reports whether the request may succeed when it is sent again: ClassSystem and
// ClassLost.
func (c Class) Retryable() bool { return c == ClassSystem || c == ClassLost }

// The API's codes.
const (
	CodeSystemError        = 10
	CodeCertificateExists  = 1010
	CodeCertificateInvalid = 1012
	CodeAppKeyInvalid      = 1013
	CodeNoCertificateFile  = 1014
	CodeDeleteFailed       = 1015
	CodeOnlyPost           = 4001
	CodeParamsEmpty        = 4002
	CodeParamsInvalid      = 4003
	CodeDevKeyUnknown      = 4004
	CodeDevSecretWrong     = 4005
	CodeAuthMalformed      = 4006
	CodeNotEnabled         = 4007
	CodeOverQuota          = 2001
	CodeTooFrequent        = 2002
)

// Condition names a failure that comes without an API code. The names are stable.
type Condition string

// The conditions. Those of the first group follow from the HTTP status alone.
const (
	Unauthorized Condition = "unauthorized"
	Forbidden    Condition = "forbidden"
	NotFound     Condition = "not_found"
	WrongMethod  Condition = "wrong_method"
	SlowRequest  Condition = "slow_request"
	Retired      Condition = "retired"
	Busy         Condition = "busy"
	Redirected   Condition = "redirected"   // any 3xx
	Refused      Condition = "refused"      // any other 4xx without an API error
	ServerError  Condition = "server_error" // any other 5xx, and values that are no HTTP status

	Unreachable  Condition = "unreachable"   // no connection was obtained
	Untrusted    Condition = "untrusted"     // TLS: wrong certificate or too old a version
	LostAnswer   Condition = "lost_answer"   // the connection broke or timed out
	NotAnAnswer  Condition = "not_an_answer" // 2xx, but cut, too large, not JSON, or JSON without a known field
	Interrupted  Condition = "interrupted"   // the caller's context ended
	UnknownCode  Condition = "unknown_code"  // an API code that the documents don't list
	BrokenKey    Condition = "broken_key"    // an app_key with invalid characters or length
	OtherPackage Condition = "other_package" // an answer about another app
	BadArgument  Condition = "bad_argument"  // refused before anything was sent
	PairRefused  Condition = "pair_refused"  // the Device API's 401 for an app's own key pair
	NoDeviceAPI  Condition = "no_device_api" // a 404 or 405 that is not of the Device API
)

// Text is a sentence in English and in Chinese.
type Text struct{ EN, ZH string }

// Entry is one row of the error table.
type Entry struct {
	Code      int       // of the API; 0 if Condition is set
	Condition Condition // empty if Code is set
	Status    int       // the usual HTTP status; 0: none or several
	Message   string    // what the server writes with the code; empty for a condition
	Class     Class
	Meaning   Text // lower case, no full stop
	Remedy    Text // what a person can do; lower case, no full stop
}

// table is the only place that knows the API's codes: code, condition, HTTP status, class,
// meaning, remedy. The codes, statuses and meanings are those of the Admin API's documents;
// 4006, 2001 and 2002 come from the documents of JPush's other APIs. The documents have the
// messages of 1012 and 1015 alone; the others are in their manner.
var table = []Entry{
	{CodeSystemError, "", 500, "system error", ClassSystem,
		Text{"system error at JPush", "极光系统错误"},
		Text{"run again later; if it stays, tell JPush support", "稍后重试；若持续出现，请联系极光技术支持"}},
	{CodeCertificateExists, "", 200, "certificate exists", ClassConverged,
		Text{"the certificate is there already", "证书已存在"},
		Text{"nothing to do; look in the console if you doubt that it is this file", "无需处理；如有疑问，请在控制台确认是否为该文件"}},
	{CodeCertificateInvalid, "", 200, "certificate invalid", ClassApp,
		Text{"the certificate is invalid", "证书不合法"},
		Text{"check the .p12: its password, environment, bundle ID and expiry, and that it holds its private key", "请检查 .p12 文件：密码、环境、bundle ID、有效期，以及是否包含私钥"}},
	{CodeAppKeyInvalid, "", 200, "appkey invalid", ClassGone,
		Text{"the app key is invalid", "appkey 不合法"},
		Text{"the app was deleted or belongs to another account: look in the console, then `jpsync state rm` its record", "该应用已被删除或属于其他账号：请在控制台确认，然后用 `jpsync state rm` 移除记录"}},
	{CodeNoCertificateFile, "", 200, "no certificate file", ClassApp,
		Text{"no certificate file in the request", "参数中没有证书文件"},
		Text{"a proxy may have changed the request, or this is a defect of jpsync: please report it", "可能是代理改动了请求，或是 jpsync 的缺陷：请反馈"}},
	{CodeDeleteFailed, "", 200, "app delete fail", ClassApp,
		Text{"the app could not be deleted", "app 删除失败"},
		Text{"the app stays recorded; run again, or delete it in the console", "该应用仍保留在记录中；请重试，或在控制台删除"}},
	{CodeOnlyPost, "", 405, "only support POST", ClassStop,
		Text{"only POST is supported", "只支持 HTTP Post 方法"},
		Text{"check the endpoint, and for a proxy that changes requests", "请检查 endpoint，以及是否有改动请求的代理"}},
	{CodeParamsEmpty, "", 400, "params empty", ClassApp,
		Text{"the request has no parameters", "请求参数为空"},
		Text{"check the app's entry in the manifest, and for a proxy that drops request bodies", "请检查清单中该应用的条目，以及是否有丢弃请求体的代理"}},
	{CodeParamsInvalid, "", 400, "params invalid", ClassApp,
		Text{"the request's parameters are invalid", "请求参数非法"},
		Text{"check app_name, android_package and group_name in the manifest", "请检查清单中的 app_name、android_package 和 group_name"}},
	{CodeDevKeyUnknown, "", 401, "dev_key not exist", ClassAuth,
		Text{"the dev_key does not exist", "权限校验错误：dev_key 不存在"},
		Text{"take the dev_key from the account page of the JPush console", "请从极光控制台的开发者账号页面获取 dev_key"}},
	{CodeDevSecretWrong, "", 401, "dev_secret error", ClassAuth,
		Text{"the dev_secret is wrong", "权限校验错误：dev_secret 不正确"},
		Text{"take the dev_secret from the account page of the JPush console, beside this dev_key", "请从极光控制台的开发者账号页面获取与 dev_key 对应的 dev_secret"}},
	{CodeAuthMalformed, "", 401, "authorization invalid", ClassAuth,
		Text{"the Authorization header is malformed", "Authorization 请求头格式错误"},
		Text{"check dev_key and dev_secret for spaces and line breaks, and for a proxy that changes headers", "请检查 dev_key 与 dev_secret 是否含空格或换行，以及是否有改动请求头的代理"}},
	{CodeNotEnabled, "", 401, "no permission", ClassAuth,
		Text{"the Admin API is not enabled for this account", "该账号未开通 Admin API 权限"},
		Text{"ask JPush to open the Admin API for the account: it is granted on request only", "请联系极光为该账号开通 Admin API：仅按申请开通"}},
	{CodeOverQuota, "", 429, "request over quota", ClassLost,
		Text{"too many requests for the account's quota", "请求过于频繁，超出账号配额"},
		Text{"run again with a lower --rate", "请用更低的 --rate 重试"}},
	{CodeTooFrequent, "", 429, "request too frequent", ClassLost,
		Text{"too many requests", "请求过于频繁"},
		Text{"run again with a lower --rate", "请用更低的 --rate 重试"}},

	{0, Unauthorized, 401, "", ClassAuth,
		Text{"the credentials were refused without a reason", "凭证被拒绝，未说明原因"},
		Text{"check dev_key and dev_secret, and for a proxy that wants a login", "请检查 dev_key 与 dev_secret，以及是否有要求登录的代理"}},
	{0, Forbidden, 403, "", ClassStop,
		Text{"access is forbidden, and it was not the API that said so", "访问被禁止，且并非 API 的回应"},
		Text{"check for a proxy, a firewall or an address filter between you and the endpoint", "请检查与 endpoint 之间的代理、防火墙或地址过滤"}},
	{0, NotFound, 404, "", ClassStop,
		Text{"there is no Admin API at this address", "该地址没有 Admin API"},
		Text{"check the endpoint; JPush's own is " + DefaultEndpoint, "请检查 endpoint；极光的地址是 " + DefaultEndpoint}},
	{0, WrongMethod, 405, "", ClassStop,
		Text{"the address does not take POST requests", "该地址不接受 POST 请求"},
		Text{"check the endpoint, and for a proxy that changes requests", "请检查 endpoint，以及是否有改动请求的代理"}},
	{0, SlowRequest, 408, "", ClassLost,
		Text{"the server gave up waiting for the request", "服务器等待请求超时"},
		Text{"check the network, then run again", "请检查网络后重试"}},
	{0, Retired, 410, "", ClassStop,
		Text{"this version of the API is retired", "该版本的 API 已下线"},
		Text{"look for a newer jpsync, or ask JPush what replaced the API", "请升级 jpsync，或向极光咨询替代的 API"}},
	{0, Busy, 429, "", ClassLost,
		Text{"too many requests", "请求过于频繁"},
		Text{"run again with a lower --rate", "请用更低的 --rate 重试"}},
	{0, Redirected, 0, "", ClassStop,
		Text{"the server redirects, and redirects are not followed: they would take the credentials elsewhere", "服务器要求重定向；为避免凭证外泄，不跟随重定向"},
		Text{"set the endpoint to the final address, after checking that it is JPush's", "请确认目标地址属于极光后，将 endpoint 设为最终地址"}},
	{0, Refused, 0, "", ClassApp,
		Text{"the request was refused without an API error", "请求被拒绝，且没有 API 错误码"},
		Text{"check for a proxy that filters or limits requests", "请检查是否有过滤或限制请求的代理"}},
	{0, ServerError, 0, "", ClassLost,
		Text{"the server, or a proxy before it, failed without telling what became of the request", "服务器或其前端代理出错，未说明请求结果"},
		Text{"run again later: what is not settled is asked again", "请稍后重试：未确认的请求会再次发送"}},
	{0, Unreachable, 0, "", ClassLost,
		Text{"no connection to the server, so nothing was sent", "无法连接服务器，请求未发送"},
		Text{"check the network, DNS, proxy settings and the endpoint", "请检查网络、DNS、代理设置和 endpoint"}},
	{0, Untrusted, 0, "", ClassStop,
		Text{"the server could not prove over TLS that it is the right one, so nothing was sent", "服务器未通过 TLS 验证，请求未发送"},
		Text{"check the endpoint, the clock, and for a proxy that inspects TLS: its root certificate has to be trusted by the system", "请检查 endpoint、系统时钟，以及是否有解密 TLS 的代理：其根证书须被系统信任"}},
	{0, LostAnswer, 0, "", ClassLost,
		Text{"the answer was lost", "应答丢失"},
		Text{"check the network, then run again: what is not settled is asked again", "请检查网络后重试：未确认的请求会再次发送"}},
	{0, NotAnAnswer, 0, "", ClassLost,
		Text{"what came back is no answer of the API: cut off, too large, not JSON, or empty of meaning", "返回内容不是 API 应答：被截断、过大、非 JSON 或无有效内容"},
		Text{"check for a proxy or a login page between you and the endpoint, then run again", "请检查与 endpoint 之间的代理或登录页面后重试"}},
	{0, Interrupted, 0, "", ClassLost,
		Text{"interrupted before an answer came", "在收到应答前被中断"},
		Text{"run again", "请重新运行"}},
	{0, UnknownCode, 0, "", ClassApp,
		Text{"an error that the API's documents do not list", "API 文档未列出的错误"},
		Text{"look for a newer jpsync, or ask JPush support what the code means", "请升级 jpsync，或向极光技术支持咨询该错误码"}},
	{0, BrokenKey, 0, "", ClassApp,
		Text{"the answer's app_key can't be one: 1 to 128 letters, digits, - and _ are", "应答中的 app_key 无效：应为 1 到 128 个字母、数字、- 或 _"},
		Text{"look the app key up in the console and record it with `jpsync import`", "请在控制台查到 app key，并用 `jpsync import` 记录"}},
	{0, OtherPackage, 0, "", ClassApp,
		Text{"the answer is about another app than the one asked for", "应答对应的不是所请求的应用"},
		Text{"look both apps up in the console; record the right app key with `jpsync import`", "请在控制台核对两个应用，并用 `jpsync import` 记录正确的 app key"}},
	{0, BadArgument, 0, "", ClassApp,
		Text{"nothing was sent: the request would have been malformed", "请求格式不合法，未发送"},
		Text{"check the app's record with `jpsync state show`", "请用 `jpsync state show` 检查该应用的记录"}},
	{0, PairRefused, 0, "", ClassApp,
		Text{"the app is gone, or its master secret was reset", "该应用已不存在，或其 Master Secret 已被重置"},
		Text{"look in the console; then forget the app with `jpsync state rm`, and if only its master secret was reset, record it anew with `jpsync import`", "请在控制台确认；用 `jpsync state rm` 移除记录，若只是重置了密钥，再用 `jpsync import` 重新记录"}},
	{0, NoDeviceAPI, 0, "", ClassStop,
		Text{"there is no Device API at this address", "该地址没有 Device API"},
		Text{"check --device-endpoint; JPush's own is " + DefaultDeviceEndpoint, "请检查 --device-endpoint；极光的地址是 " + DefaultDeviceEndpoint}},
}

// Entries returns a copy of the whole table: the codes first, then the conditions.
func Entries() []Entry { return slices.Clone(table) }

// LookupCode returns the row of an API code.
func LookupCode(code int) (Entry, bool) {
	return find(func(e Entry) bool { return code != 0 && e.Code == code })
}

// LookupCondition returns the row of a condition.
func LookupCondition(c Condition) (Entry, bool) {
	return find(func(e Entry) bool { return c != "" && e.Condition == c })
}

// lookupStatus returns the row of an HTTP status that came without an API error.
func lookupStatus(status int) Entry {
	if e, ok := find(func(e Entry) bool { return e.Condition != "" && e.Status == status }); ok {
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

func find(match func(Entry) bool) (Entry, bool) {
	i := slices.IndexFunc(table, match)
	if i < 0 {
		return Entry{}, false
	}
	return table[i], true
}
