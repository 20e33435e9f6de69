package jpush

// Class says what a caller can do about an [Error]. It is the only thing that retry and
// fail-fast decisions look at.
type Class int

// The classes. Only ClassLost leaves open whether the server did what it was asked.
const (
	// ClassApp: this one request fails, the others go on. The server said no, or its
	// answer is one that asking again would not mend.
	ClassApp Class = iota + 1
	// ClassConverged: the server has this certificate already. Nothing is left to do.
	ClassConverged
	// ClassGone: the server knows no app with this key. After a delete of ours whose
	// answer was lost it means done, otherwise it is the app's own failure.
	ClassGone
	// ClassSystem: the server reported its own failure (code 10). It did not do what was
	// asked, and may when asked again.
	ClassSystem
	// ClassLost: no usable answer came: the request may be repeated, and until a later
	// answer settles it nobody knows whether it took effect. See [Error.OutcomeUnknown].
	ClassLost
	// ClassAuth: the credentials were refused, so every other request would be too.
	ClassAuth
	// ClassStop: what answers is not a usable Admin API: a wrong endpoint, a proxy, a
	// retired API. No request can work.
	ClassStop
)

var classNames = [...]string{
	ClassApp:       "app",
	ClassConverged: "converged",
	ClassGone:      "gone",
	ClassSystem:    "system",
	ClassLost:      "lost",
	ClassAuth:      "auth",
	ClassStop:      "stop",
}

// String returns a lower-case word, or "none" for the zero value.
func (c Class) String() string {
	if c <= 0 || int(c) >= len(classNames) {
		return "none"
	}
	return classNames[c]
}

// Retryable reports whether asking again can help: ClassSystem and ClassLost.
func (c Class) Retryable() bool { return c == ClassSystem || c == ClassLost }

// StopsRun reports whether no other request can succeed either: ClassAuth and ClassStop.
func (c Class) StopsRun() bool { return c == ClassAuth || c == ClassStop }
