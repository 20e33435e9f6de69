// Package crashtest holds no code, only tests: real jpsync processes are killed, starved of
// disk space and interrupted at every operation on their files, and what is left is compared
// with what the server did. `make crash` runs all of it and prints the figures.
package crashtest
