package planner

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"jpsync/internal/jpush"
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

// IsSaved reports whether data looks like a saved plan, of any format version, damaged or not.
func IsSaved(data []byte) bool {
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
	for _, c := range s.Changes {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	for _, steps := range s.Chains() {
		if err := checkOrder(steps); err != nil {
			return nil, err
		}
	}
	counted := Summary{Unchanged: s.Summary.Unchanged, Conflicts: len(s.Conflicts)}
	counted.Create, counted.Upload, counted.Delete = tally(s.Changes)
	if counted != s.Summary { // the guards go by it
		return nil, errors.New("the plan's summary does not fit its actions: make it anew")
	}
	return s.Plan, nil
}

// check refuses a change that cannot be shown or applied. The checksum of a saved plan finds
// accidents; this finds files that another program made.
func (c Change) check() error {
	switch {
	case c.Action != Create && c.Action != Upload && c.Action != Delete:
		return fmt.Errorf("the plan wants to %q the app %q, and there is no such action: make it anew", c.Action, c.App)
	case c.Action == Upload && (c.Certificate == nil || c.Certificate.Fingerprint == "" || !slices.Contains(jpush.Environments, c.Environment)):
		return fmt.Errorf("the plan's upload for %q names no certificate or no environment: make it anew", c.App)
	case c.Action == Upload:
		if _, err := c.Certificate.NotAfter.UTC().MarshalText(); err != nil { // as a state has it
			return fmt.Errorf("the plan's upload for %q has a certificate whose end no state can record: make it anew", c.App)
		}
	}
	return nil
}

// checkOrder refuses steps that cannot be those of one app: a delete comes first, then a create, then
// the uploads, and nothing is uploaded to an app that was deleted.
func checkOrder(steps []Change) error {
	for i, c := range steps[1:] {
		previous := steps[i].Action
		if c.Action == Delete || (c.Action == Create) != (previous == Delete) {
			return fmt.Errorf("the plan has a %s after a %s for the app %q: make it anew", c.Action, previous, c.App)
		}
	}
	return nil
}

func checksum(p *Plan) (string, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode plan: %w", err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data)), nil
}
