package report_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"jpsync/internal/report"
)

var twoKeys = []report.Key{
	{ID: "shop", AppName: "商城 & <co>", AndroidPackage: "cn.example.shop", AppKey: "0123456789abcdef01234567", MasterSecret: "fedcba9876543210fedcba98"},
	{ID: "钱包", AppName: "钱包", AndroidPackage: "cn.example.wallet", AppKey: "a//b///c=+:", MasterSecret: "1234567890"},
}

// write writes keys in a format, without master secrets in a template.
func write(w io.Writer, keys []report.Key, format string) error {
	return report.Keys(w, keys, format, report.KeyOptions{SecretName: "jpush.prod"})
}

// execute writes keys by a template.
func execute(w io.Writer, keys []report.Key, text string, secrets bool) error {
	return report.Keys(w, keys, "template=t", report.KeyOptions{Template: text, Secrets: secrets})
}

func TestKeysInEveryFormat(t *testing.T) {
	var all bytes.Buffer
	for _, format := range report.KeyFormats {
		all.WriteString("== " + format + "\n")
		require.NoError(t, write(&all, twoKeys, format))
	}
	golden(t, "keys.txt", all.String())
	assert.ErrorContains(t, write(&all, twoKeys, "xml"), `"xml"`)
}

// A format that cannot say a value refuses it, and then writes nothing at all.
func TestKeysThatAFormatCannotSay(t *testing.T) {
	for _, format := range []string{"dotenv", "github", "gitlab", "xcconfig"} {
		for _, value := range []string{"a\nPATH=/tmp", "a\rb", "a\x00b", "a\u2028b"} {
			var out bytes.Buffer
			for _, key := range []report.Key{{ID: "b", AppKey: value}, {ID: "b", AppKey: "k", MasterSecret: value}} {
				err := write(&out, []report.Key{{ID: "a", AppKey: "k"}, key}, format)
				require.ErrorContains(t, err, "_B of b", format)
				require.NotContains(t, err.Error(), value)
				require.Empty(t, out.String(), format)
			}
		}
		for _, value := range []string{"a b", "$(id)", "a#b", `a"b`, `a\b`, "${X}", "a;b"} {
			err := write(&bytes.Buffer{}, []report.Key{{ID: "a", AppKey: value}}, format)
			assert.Equal(t, format != "github", err != nil, "%s %q", format, value)
		}
	}
}

func TestKeysUnderOneName(t *testing.T) {
	for name, c := range map[string]struct {
		a, b  report.Key
		clash bool // as a variable
		both  bool // as a property too
	}{
		"punctuation":           {a: report.Key{ID: "a-b"}, b: report.Key{ID: "a.b"}, clash: true},
		"case":                  {a: report.Key{ID: "shop"}, b: report.Key{ID: "SHOP"}, clash: true},
		"a package, an id":      {a: report.Key{ID: "商城", AndroidPackage: "cn.shop"}, b: report.Key{ID: "cn.shop"}, clash: true, both: true},
		"a package, another id": {a: report.Key{ID: "商城", AndroidPackage: "cn.shop"}, b: report.Key{ID: "cn-shop"}, clash: true},
		"two packages":          {a: report.Key{ID: "商城", AndroidPackage: "cn.shop"}, b: report.Key{ID: "商店", AndroidPackage: "cn.store"}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := []report.Key{c.a, c.b}
			for _, format := range report.KeyFormats {
				want := c.clash && format != "json" && format != "table"
				if format == "gradle" {
					want = c.both
				}
				var out bytes.Buffer
				err := write(&out, keys, format)
				assert.Equal(t, want, err != nil, format)
				if want {
					assert.ErrorContains(t, err, c.a.ID+" and "+c.b.ID)
					assert.Empty(t, out.String())
				}
			}
			assert.Equal(t, c.clash, execute(&bytes.Buffer{}, keys, "{{range .Apps}}{{env .}}{{end}}", false) != nil)
			assert.NoError(t, execute(&bytes.Buffer{}, keys, "{{range .Apps}}{{.ID}}{{end}}", false))
		})
	}
}

// load reads a properties file as java.util.Properties does.
func load(t *rapid.T, text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.ContainsAny(line[:1], "#!") {
			t.Fatalf("a comment: %q", line)
		}
		var parts [2][]uint16
		part := 0
		line = strings.TrimLeft(line, " \t\f")
		for i := 0; i < len(line); i++ {
			c := line[i]
			switch {
			case c > 0x7e || c < 0x20:
				t.Fatalf("a character that Latin-1 files do not have: %q", line)
			case c == '\\' && line[i+1] == 'u':
				unit, err := strconv.ParseUint(line[i+2:i+6], 16, 16)
				if err != nil {
					t.Fatal(err)
				}
				parts[part] = append(parts[part], uint16(unit))
				i += 5
			case c == '\\':
				i++
				parts[part] = append(parts[part], uint16(line[i]))
			case part == 0 && (c == '=' || c == ':' || c == ' '):
				part = 1
			case part == 1 && len(parts[1]) == 0 && c == ' ':
			default:
				parts[part] = append(parts[part], uint16(c))
			}
		}
		found[string(utf16.Decode(parts[0]))] = string(utf16.Decode(parts[1]))
	}
	return found
}

func TestGradleReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := report.Key{
			ID:             rapid.StringMatching(`[ -~]{1,12}`).Draw(t, "id"),
			AndroidPackage: "cn.example",
			AppKey:         rapid.String().Draw(t, "key"),
			MasterSecret:   rapid.String().Draw(t, "secret"),
		}
		var out bytes.Buffer
		if err := write(&out, []report.Key{k}, "gradle"); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{k.ID + ".jpush.appKey": k.AppKey, k.ID + ".jpush.packageName": "cn.example"}
		if k.MasterSecret != "" {
			want[k.ID+".jpush.masterSecret"] = k.MasterSecret
		}
		assert.Equal(t, want, load(t, out.String()))
	})
}

func TestXcconfigHasNoComment(t *testing.T) {
	for _, value := range []string{"//", "a//b", "https://x/y", "////", "/", "a/b/"} {
		var out bytes.Buffer
		require.NoError(t, write(&out, []report.Key{{ID: "a", AppKey: value}}, "xcconfig"))
		assert.NotContains(t, out.String(), "//")
		assert.Equal(t, "JPUSH_APP_KEY_A = "+value+"\n", strings.ReplaceAll(out.String(), "$()", ""))
	}
}

func TestSecretIsWhatKubernetesReads(t *testing.T) {
	var out bytes.Buffer
	keys := []report.Key{{ID: "shop", AppKey: "k: \"\n'", MasterSecret: "\xd7\x6d\xf8\xe7\xae\xfc"}}
	require.NoError(t, write(&out, keys, "k8s-secret"))
	var secret struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Type       string
		Metadata   struct{ Name string }
		Data       map[string]any
	}
	require.NoError(t, yaml.Unmarshal(out.Bytes(), &secret))
	assert.Equal(t, "v1 Secret Opaque jpush.prod", strings.Join([]string{secret.APIVersion, secret.Kind, secret.Type, secret.Metadata.Name}, " "))
	for name, want := range map[string]string{"JPUSH_APP_KEY_SHOP": "k: \"\n'", "JPUSH_MASTER_SECRET_SHOP": keys[0].MasterSecret} {
		// The secret is 12345678 in base64, which YAML has as a number unless it is quoted.
		require.IsType(t, "", secret.Data[name])
		got, err := base64.StdEncoding.DecodeString(secret.Data[name].(string))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for _, name := range []string{"", "A", "a_b", "-a", "a-", "a..b", "a/b", "a\nb", strings.Repeat("a", 254)} {
		assert.Error(t, report.CheckSecretName(name), name)
	}
	for _, name := range []string{"a", "0", "a-b.c", strings.Repeat("a", 253)} {
		assert.NoError(t, report.CheckSecretName(name), name)
	}
	large := []report.Key{{ID: "a", AppKey: strings.Repeat("k", 1<<20)}, {ID: "b", AppKey: "k"}}
	assert.NoError(t, write(&out, large[:1], "k8s-secret"))
	assert.ErrorContains(t, write(&out, large, "k8s-secret"), "1 MiB")
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		`{{range .Apps}}{{env .}} {{quote .AppName}};{{end}}`: `SHOP "商城 & <co>";CN_EXAMPLE_WALLET "钱包";`,
		`{{with app "shop"}}{{.ID}} {{.AppKey}}{{end}}`:       "shop 0123456789abcdef01234567",
		`{{(app "shop").MasterSecret}}`:                       "fedcba9876543210fedcba98",
		`{{quote "a\"b\\c\n\u2028"}}`:                         `"a\"b\\c\n\u2028"`,
		`{{len .Apps}}`:                                       "2",
	} {
		var out bytes.Buffer
		require.NoError(t, execute(&out, twoKeys, text, true), text)
		assert.Equal(t, want, out.String())
	}
	for text, want := range map[string]string{
		`{{.App}}`:                       "t:1:2",
		`{{range .Apps}}{{.Key}}{{end}}`: "can't evaluate field Key",
		`{{(app "shop").MasterSecret}}`:  "--show-secrets",
		`{{(app "shop").key}}`:           "unexported field",
		`{{app "none"}}`:                 `no app with the id "none"`,
		`{{nothing}}`:                    `function "nothing" not defined`,
		`text {{`:                        "t:1",
	} {
		var out bytes.Buffer
		assert.ErrorContains(t, execute(&out, twoKeys, text, false), want, text)
		assert.Empty(t, out.String(), text)
	}
	unknown := []report.Key{{ID: "a", AppKey: "k"}}
	assert.ErrorContains(t, execute(&bytes.Buffer{}, unknown, `{{(app "a").MasterSecret}}`, true), "master secret of a is not known")
	assert.NoError(t, execute(&bytes.Buffer{}, unknown, `{{range .Apps}}{{if .HasMasterSecret}}{{.MasterSecret}}{{end}}{{end}}`, true))
}

// text/template quotes a value that it cannot use, with everything in it.
func TestTheErrorOfATemplateHasNoSecret(t *testing.T) {
	for _, text := range []string{`{{range .}}{{.}}{{end}}`, `{{range (app "shop").MasterSecret}}{{end}}`, `{{range .Apps}}{{range .}}{{end}}{{end}}`,
		`{{index .Apps "x"}}`, `{{range .Apps}}{{app .}}{{end}}`} {
		err := execute(&bytes.Buffer{}, twoKeys, text, true)
		require.ErrorContains(t, err, "t:1")
		assert.NotContains(t, err.Error(), "fedcba98", text)
		assert.LessOrEqual(t, len(err.Error()), 400)
	}
}

// full takes no byte.
type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestKeysTellOfAPlaceThatTakesNothing(t *testing.T) {
	for _, format := range report.KeyFormats {
		assert.ErrorIs(t, write(fullDisk{}, twoKeys, format), errFull, format)
	}
	assert.ErrorIs(t, execute(fullDisk{}, twoKeys, "x", false), errFull)
	assert.ErrorIs(t, report.Mask(fullDisk{}, "secret"), errFull)
}
