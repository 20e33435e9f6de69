package cli

import "golang.org/x/sys/windows"

// takesEscapes reports whether a console shows colours. One of Windows has to be asked to, and
// one of before Windows 10 cannot.
func takesEscapes(fd int) bool {
	console, mode := windows.Handle(fd), uint32(0)
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
