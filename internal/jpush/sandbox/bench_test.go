package sandbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
)

// BenchmarkCreate makes apps, 64 at a time.
func BenchmarkCreate(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	c, err := jpush.New(jpush.Options{Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret, Transport: sandbox.Transport(s)})
	if err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.CreateApp(context.Background(), jpush.App{Name: "n", AndroidPackage: fmt.Sprint("cn.a", n.Add(1))}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkUpload sends a certificate of a usual size to one app after the other.
func BenchmarkUpload(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{CheckCertificate: func([]byte, string) error { return nil }})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Preload(sandbox.App{AppKey: "k", Name: "a", AndroidPackage: "b"}); err != nil {
		b.Fatal(err)
	}
	c, err := jpush.New(jpush.Options{Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret, Transport: sandbox.Transport(s)})
	if err != nil {
		b.Fatal(err)
	}
	cert := jpush.Certificate{Environment: jpush.Production, Filename: "a.p12", Data: make([]byte, 4<<10)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		cert.Data[0], cert.Data[1], cert.Data[2] = byte(i), byte(i>>8), byte(i>>16)
		if err := c.UploadCertificate(context.Background(), "k", cert); err != nil {
			b.Fatal(err)
		}
	}
}
