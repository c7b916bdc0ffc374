// Package app is the composition root: the only package that knows every part.
// It turns flags into Config, builds the parts with plain constructor calls in
// dependency order, and runs them as one service.Group.
//
// main.go has the commands; up.go composes the one-process pipeline, and each
// other command has a file of its own. No rule of the product lives here.
package app
