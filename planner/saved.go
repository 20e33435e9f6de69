package planner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// MaxSavedSize is the largest file that may be passed to [Decode], in bytes.
const MaxSavedSize = 1 << 30

// saved is the file: a plan and its checksum.
type saved struct {
	*Plan
	Checksum string `json:"checksum"`
}

// Encode renders a plan as a file that [Decode] reads: indented JSON without secrets, which
// ends with a checksum of the rest.
func Encode(p *Plan) ([]byte, error) {
	sum, err := checksum(p)
	if err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(saved{p, sum}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append(data, '\n'), nil
}

// header is what a saved plan of any format version has.
type header struct {
	FormatVersion int    `json:"format_version"`
	Checksum      string `json:"checksum"`
}

// Saved reports whether data looks like a saved plan, of any format version, damaged or not.
func Saved(data []byte) bool {
	var h header
	return json.Unmarshal(data, &h) == nil && h.FormatVersion > 0 && h.Checksum != ""
}

// Decode reads a saved plan. It refuses one that was damaged or edited, and one of another
// format version.
func Decode(data []byte) (*Plan, error) {
	var h header
	// Unmarshal reads all of data, so nothing can follow the plan.
	if err := json.Unmarshal(data, &h); err != nil || h.FormatVersion == 0 {
		return nil, errors.New("this is not a saved plan, or one that was damaged: make one with jpsync plan --out FILE")
	}
	if h.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("the plan has format version %d and this jpsync reads %d: make the plan and apply it with the same jpsync", h.FormatVersion, FormatVersion)
	}
	s := saved{Plan: &Plan{}}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("the plan is damaged (%w): make it anew", err)
	}
	sum, err := checksum(s.Plan)
	if err != nil {
		return nil, err
	}
	if sum != s.Checksum {
		return nil, errors.New("the plan was damaged or edited (its checksum does not fit): make it anew")
	}
	for _, c := range s.Actions {
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	return s.Plan, nil
}

// Check refuses a change that cannot be shown or applied. The checksum of a saved plan finds
// accidents; this finds files that another program made.
func (c Change) Check() error {
	switch {
	case c.Action != Create && c.Action != Upload && c.Action != Delete:
		return fmt.Errorf("the plan wants to %q the app %q, and there is no such action: make it anew", c.Action, c.App)
	case c.Action == Upload && (c.Certificate == nil || c.Certificate.Fingerprint == "" || !slices.Contains(jpush.Environments, c.Environment)):
		return fmt.Errorf("the plan's upload for %q names no certificate or no environment: make it anew", c.App)
	}
	return nil
}

func checksum(p *Plan) (string, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode plan: %w", err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Pins are what a saved plan depends on, as it is now.
type Pins struct {
	Manifest string // SHA-256
	State    StateRef
	Endpoint string
	Account  string
}

// RefTo pins a state. The lineage of a state that was never written is not known yet.
func RefTo(st *state.State) StateRef {
	if st.Serial == 0 {
		return StateRef{}
	}
	return StateRef{Lineage: st.Lineage, Serial: st.Serial}
}

// StaleError says what changed since a plan was made.
type StaleError struct{ Moved []string }

func (e *StaleError) Error() string {
	return "the plan is stale and nothing was sent: " + strings.Join(e.Moved, "; ") + ": make a new plan"
}

// Verify returns a [StaleError] unless everything that the plan pins is as it was. An account
// that was unknown when the plan was made is not compared.
func (p *Plan) Verify(now Pins) error {
	var moved []string
	say := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	switch {
	case p.State.Lineage != now.State.Lineage && p.State.Lineage == "":
		say("it was made before the first apply, and the state has been written since (serial %d)", now.State.Serial)
	case p.State.Lineage != now.State.Lineage:
		say("it was made from another state (lineage %s, now %s)", p.State.Lineage, orNone(now.State.Lineage))
	case p.State.Serial != now.State.Serial:
		say("the state has changed (serial %d, now %d): something was applied since, perhaps this plan", p.State.Serial, now.State.Serial)
	}
	if p.Manifest.SHA256 != now.Manifest {
		say("the manifest has changed")
	}
	if p.Endpoint != now.Endpoint {
		say("it was made for the endpoint %s, not for %s", p.Endpoint, now.Endpoint)
	}
	if p.Account != "" && p.Account != now.Account {
		say("it was made for the account %s, not for %s", p.Account, orNone(now.Account))
	}
	if len(moved) > 0 {
		return &StaleError{Moved: moved}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
