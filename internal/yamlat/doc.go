// Package yamlat reads YAML files that people write, so that every error says
// where it is: file:line:column, also inside of a text that is a language of its
// own.
//
// A reader asks a [Node] for what it must be. What it is not is noted in the
// file, all of it, and the zero value given; [File.Err] has everything.
package yamlat
