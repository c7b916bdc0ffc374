package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// lineWidth is the longest line that a short object or list is put on.
const lineWidth = 140

// layOut writes JSON for people and diffs: what fits on a line stands on one.
func layOut(compact []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := layOutValue(&out, compact, ""); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func layOutValue(out *bytes.Buffer, value json.RawMessage, indent string) error {
	container := len(value) > 2 && (value[0] == '{' || value[0] == '[')
	if !container || len(indent)+len(value) <= lineWidth {
		out.Write(value)
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	opening, err := decoder.Token()
	if err != nil {
		return err
	}
	inner := indent + " "
	out.WriteString(opening.(json.Delim).String())
	for n := 0; decoder.More(); n++ {
		if n > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + inner)
		if opening == json.Delim('{') {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%q: ", key)
		}
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			return err
		}
		if err := layOutValue(out, member, inner); err != nil {
			return err
		}
	}
	out.WriteString("\n" + indent + string(value[len(value)-1]))
	return nil
}
