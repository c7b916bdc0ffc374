// Package e2e tests the built binary from outside: started, spoken to, killed
// and asked by the contract that README.md gives to scripts. The harness below
// it does the starting.
package e2e
