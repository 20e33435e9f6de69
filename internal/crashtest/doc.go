// Package crashtest has only tests. They kill, starve of disk space and interrupt real jpsync
// processes at every operation on their files, and compare what is recorded with what the
// server did. `make crash` runs all of it and prints the figures.
package crashtest
