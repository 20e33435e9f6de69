package state

import (
	"fmt"
	"maps"
	"unsafe"

	"jpsync/internal/jpush"
)

// maxSize caps what is read as a state or a journal, in bytes. A state of 100,000 apps with
// two certificates each has 90 MB.
const maxSize = 1 << 30

// Unmarshal reads what [Marshal] wrote and nothing else: the checksum has to match, fields
// that are unknown, missing or repeated are refused, and so is whatever follows the end.
//
// It returns a [*DamagedError], which is an [ErrDamaged], or a [*NewerVersionError]. No
// bytes at all are damaged too: where there is no file there is nothing to unmarshal.
// The maps of the result are never nil, certificates excepted. The result keeps data alive,
// so nobody may write into data after.
func Unmarshal(data []byte) (*State, error) {
	if v := peekVersion(data); v > Version {
		return nil, &NewerVersionError{Document: docState, Version: v}
	}
	if len(data) > maxSize {
		return nil, damagedState(0, "it is larger than %d bytes", maxSize)
	}
	start, end, recorded, ok := findChecksum(data)
	if !ok {
		if _, err := parse(data); err != nil { // which tells more precisely
			return nil, err
		}
		return nil, damagedState(0, "it has no checksum where one belongs")
	}
	// Hashing takes as long as reading does, so the two go side by side.
	sum := make(chan string, 1)
	go func() { sum <- checksum(data, start, end) }()
	s, err := parse(data)
	computed := <-sum
	if err != nil {
		return nil, err
	}
	if computed != recorded {
		return nil, damagedState(start, "the checksum does not match: it was changed by hand or by a fault")
	}
	return s, nil
}

func damagedState(offset int, format string, args ...any) error {
	return &DamagedError{Document: docState, Offset: int64(offset), Reason: fmt.Sprintf(format, args...)}
}

// peekVersion returns the version when the document begins with one. A newer format may
// differ in everything else.
func peekVersion(data []byte) int64 {
	s := &scanner{doc: string(data[:min(len(data), 64)])}
	if s.expect('{') && s.string() == "version" && s.expect(':') {
		return s.int()
	}
	return 0
}

// asString saves the copy. It is sound as long as nobody writes into data, which only this
// package has: see Unmarshal.
func asString(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// parse reads the document without a look at its checksum.
func parse(data []byte) (*State, error) {
	s := &scanner{doc: asString(data)}
	if len(data) == 0 {
		s.fail("it is empty")
	}
	st := s.state()
	s.end()
	if s.err != nil {
		return nil, damagedState(s.off, "%v", s.err)
	}
	return st, nil
}

func (s *scanner) state() *State {
	st := New()
	var seen fields
	s.object(func(key string) {
		switch key {
		case "version":
			seen.once(s, 0, key)
			st.Version = int(s.int())
		case "lineage":
			seen.once(s, 1, key)
			st.Lineage = s.string()
		case "serial":
			seen.once(s, 2, key)
			st.Serial = s.int()
		case "endpoint":
			seen.once(s, 3, key)
			st.Endpoint = s.string()
		case "account":
			seen.once(s, 4, key)
			st.Account = s.string()
		case "checksum":
			seen.once(s, 5, key)
			s.string()
		case "apps":
			seen.once(s, 6, key)
			st.Apps = s.apps()
		case "journal":
			seen.once(s, 7, key)
			st.Journal = s.string()
		case "pending":
			seen.once(s, 8, key)
			s.pending(st.Pending)
		default:
			s.fail("%.40q is no field of a state", key)
		}
	})
	seen.need(s, "version", "lineage", "serial", "endpoint", "account", "checksum", "apps")
	if s.err == nil && st.Version != Version {
		s.fail("its version is %d", st.Version)
	}
	return st
}

// apps makes room in its map by the size of the first apps: a hundred thousand would move
// to a larger one ten times. None is taken to be smaller than small, so that a few small apps
// before something huge cost no more than that.
func (s *scanner) apps() map[string]App {
	const sample, small = 64, 200 // bytes
	apps := make(map[string]App, sample)
	start := s.pos
	s.object(func(id string) {
		before := len(apps)
		if before == sample {
			roomy := make(map[string]App, (len(s.doc)-start)/max(small, (s.pos-start)/sample))
			maps.Copy(roomy, apps)
			apps = roomy
		}
		if apps[id] = s.app(); len(apps) == before {
			s.fail("app %.40q is there twice", id)
		}
	})
	return apps
}

func (s *scanner) pending(pending map[string]Intent) {
	s.object(func(id string) {
		if _, twice := pending[id]; twice {
			s.fail("a pending request for %.40q is there twice", id)
			return
		}
		in, named := s.intent()
		if named != "" {
			s.fail("\"id\" is no field of a pending request")
		}
		pending[id] = in
	})
}

func (s *scanner) app() App {
	var a App
	var seen fields
	s.object(func(key string) {
		switch key {
		case "app_name":
			seen.once(s, 0, key)
			a.AppName = s.string()
		case "android_package":
			seen.once(s, 1, key)
			a.AndroidPackage = s.string()
		case "app_key":
			seen.once(s, 2, key)
			a.AppKey = s.string()
		case "group_name":
			seen.once(s, 3, key)
			a.GroupName = s.string()
		case "master_secret":
			seen.once(s, 4, key)
			a.MasterSecret = s.string()
		case "adopted":
			seen.once(s, 5, key)
			a.Adopted = s.bool()
		case "protected":
			seen.once(s, 6, key)
			a.Protected = s.bool()
		case "created_at":
			seen.once(s, 7, key)
			a.CreatedAt = s.time()
		case "certificates":
			seen.once(s, 8, key)
			a.Certificates = s.certificates()
		default:
			s.fail("%.40q is no field of an app", key)
		}
	})
	seen.need(s, "app_name", "android_package", "app_key")
	return a
}

func (s *scanner) certificates() (certs Certificates) {
	var seen fields
	s.object(func(key string) {
		switch key {
		case string(jpush.Development):
			seen.once(s, 0, key)
			certs.Development = s.certificate()
		case string(jpush.Production):
			seen.once(s, 1, key)
			certs.Production = s.certificate()
		default:
			s.fail("%.40q is no environment", key)
		}
	})
	return certs
}

func (s *scanner) certificate() Certificate {
	var c Certificate
	var seen fields
	s.object(func(key string) {
		switch key {
		case "file_sha256":
			seen.once(s, 0, key)
			c.FileSHA256 = s.string()
		case "fingerprint":
			seen.once(s, 1, key)
			c.Fingerprint = s.string()
		case "bundle_id":
			seen.once(s, 2, key)
			c.BundleID = s.string()
		case "not_after":
			seen.once(s, 3, key)
			c.NotAfter = s.time()
		case "uploaded_at":
			seen.once(s, 4, key)
			c.UploadedAt = s.time()
		default:
			s.fail("%.40q is no field of a certificate", key)
		}
	})
	seen.need(s, "file_sha256", "fingerprint")
	return c
}

// intent reads a pending request; id is what the journal's records have besides.
func (s *scanner) intent() (in Intent, id string) {
	var seen fields
	s.object(func(key string) {
		switch key {
		case "op":
			seen.once(s, 0, key)
			in.Op = Op(s.string())
		case "app_name":
			seen.once(s, 1, key)
			in.AppName = s.string()
		case "android_package":
			seen.once(s, 2, key)
			in.AndroidPackage = s.string()
		case "group_name":
			seen.once(s, 3, key)
			in.GroupName = s.string()
		case "app_key":
			seen.once(s, 4, key)
			in.AppKey = s.string()
		case "at":
			seen.once(s, 5, key)
			in.At = s.time()
		case "id":
			seen.once(s, 6, key)
			id = s.string()
		default:
			s.fail("%.40q is no field of a pending request", key)
		}
	})
	seen.need(s, "op")
	if s.err == nil && !in.Op.intended() {
		s.fail("%.40q is no operation that can be pending", string(in.Op))
	}
	return in, id
}
