package yamlat

import "unicode/utf8"

// place finds the line and column at which a character of a scalar's text stands
// in the file. YAML may quote, escape, indent and fold it: the text is followed
// through the source, and what has no counterpart in it is skipped.
func (n Node) place(at int) (line, column int) {
	node := n.resolved()
	line, column = node.Line, node.Column
	source := cursor{lines: n.file.lines, line: line - 1, byte: byteOf(n.file.lines, line-1, column-1)}
	if source.peek() == '|' || source.peek() == '>' {
		source.nextLine() // what stands beside the mark of a block is not its text
	}
	for i, want := range []rune(node.Value) {
		if !source.find(want) {
			return line, column
		}
		line, column = source.line+1, source.column()
		if i == at {
			return line, column
		}
		source.step()
	}
	return line, column + 1 // the text's end
}

// byteOf is the place of a line's character.
func byteOf(lines []string, line, column int) int {
	if line >= len(lines) {
		return 0
	}
	at := 0
	for range column {
		_, size := utf8.DecodeRuneInString(lines[line][at:])
		at += size
	}
	return at
}

// cursor walks over a file.
type cursor struct {
	lines []string
	line  int
	byte  int
}

func (c *cursor) column() int { return utf8.RuneCountInString(c.lines[c.line][:c.byte]) + 1 }

// peek gives the character at the cursor, a line's end as \n, the file's as 0.
func (c *cursor) peek() rune {
	switch {
	case c.line >= len(c.lines):
		return 0
	case c.byte >= len(c.lines[c.line]):
		return '\n'
	}
	r, _ := utf8.DecodeRuneInString(c.lines[c.line][c.byte:])
	return r
}

func (c *cursor) nextLine() { c.line, c.byte = c.line+1, 0 }

func (c *cursor) step() {
	if c.line < len(c.lines) && c.byte < len(c.lines[c.line]) {
		_, size := utf8.DecodeRuneInString(c.lines[c.line][c.byte:])
		c.byte += size
		return
	}
	c.nextLine()
}

// find goes on to the next place of a character; a space may be a line's end
// that was folded.
func (c *cursor) find(want rune) bool {
	for {
		got := c.peek()
		switch {
		case got == 0:
			return false
		case got == want, want == ' ' && got == '\n':
			return true
		}
		c.step()
	}
}
