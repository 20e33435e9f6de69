package manifest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"jpsync/manifest"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "manifest")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "jpsync.yaml")
	text := "version: 1\napps:\n  - {id: shop, app_name: 商城, android_package: cn.example.shop}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		panic(err)
	}

	m, err := manifest.Load(file, manifest.Options{})
	if err != nil {
		fmt.Println(err) // one line for each mistake
		return
	}
	for _, app := range m.Apps {
		fmt.Println(app.ID, app.AppName, app.AndroidPackage)
	}
	// Output: shop 商城 cn.example.shop
}
