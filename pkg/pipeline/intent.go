package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MaxMetadataBytes bounds an encoded Intent: brokers refuse longer commit
// metadata (offset.metadata.max.bytes is 4096 by default; we stay well below).
const MaxMetadataBytes = 1024

// intentVersion is the format that Encode writes.
const intentVersion = 1

// Range is a closed range of offsets.
type Range struct{ First, Last int64 }

// Contains reports whether offset lies in the range.
func (r Range) Contains(offset int64) bool { return r.First <= offset && offset <= r.Last }

// Intent is what is committed beside an offset: the range about to be inserted
// (rule W4), and what the next owner needs to form exactly that range again.
// The zero value with Last = -1 is "no batch is open".
type Intent struct {
	// Last is the offset of the batch's last record; the committed offset is
	// its first. -1: no batch is open.
	Last int64
	// Incarnation tells apart lives of one partition's log whose offsets were
	// used twice (W14). Part of every token and row.
	Incarnation uint32
	// Warm is an offset such that reading from it up to the committed offset
	// warms the stage fully. -1: unknown. It only saves time.
	Warm int64
	// Config is the stage's configuration the batch was formed under.
	Config string
	// Exclude lists records left out because the store rejected them (W11).
	Exclude []Range
	// Topic is the id of the topic that the offset counts in: a topic made anew
	// under the old name has another one. "": not said.
	Topic string
	// Cut is where the log was seen to end below what had been read: it lost its
	// tail, and what is written from there on uses offsets again (W14). It stays
	// until a person has decided. nil: it did not.
	Cut *int64
}

// NoIntent is what is committed while no batch is open.
func NoIntent(incarnation uint32, warm int64) Intent {
	return Intent{Last: -1, Incarnation: incarnation, Warm: warm}
}

// Open reports whether a batch is open.
func (in Intent) Open() bool { return in.Last >= 0 }

// intentJSON is the encoded form. JSON because people meet it in Kafka tools.
type intentJSON struct {
	Version     int        `json:"v"`
	Last        *int64     `json:"last,omitempty"`
	Incarnation uint32     `json:"inc,omitempty"`
	Warm        *int64     `json:"warm,omitempty"`
	Config      string     `json:"cfg,omitempty"`
	Exclude     [][2]int64 `json:"x,omitempty"`
	Topic       string     `json:"t,omitempty"`
	Cut         *int64     `json:"cut,omitempty"`
}

// Encode gives the commit metadata. It fails when the text would exceed
// MaxMetadataBytes: too many exclusions.
func (in Intent) Encode() (string, error) {
	j := intentJSON{Version: intentVersion, Incarnation: in.Incarnation, Config: in.Config, Topic: in.Topic, Cut: in.Cut}
	if in.Last >= 0 {
		j.Last = &in.Last
	}
	if in.Warm >= 0 {
		j.Warm = &in.Warm
	}
	for _, r := range in.Exclude {
		j.Exclude = append(j.Exclude, [2]int64{r.First, r.Last})
	}
	b, err := json.Marshal(j)
	if err != nil {
		return "", fmt.Errorf("encode intent: %w", err)
	}
	if len(b) > MaxMetadataBytes {
		return "", fmt.Errorf("encode intent: %d bytes of commit metadata, at most %d allowed", len(b), MaxMetadataBytes)
	}
	return string(b), nil
}

// ParseIntent reads commit metadata. Empty text is "no batch open": that is
// what a group has whose offset was set by a tool. Anything else that is not
// an Intent is an error, since acting on it could double or lose records.
func ParseIntent(metadata string) (Intent, error) {
	if metadata == "" {
		return NoIntent(0, -1), nil
	}
	if len(metadata) > MaxMetadataBytes {
		return Intent{}, fmt.Errorf("parse intent: %d bytes of commit metadata, at most %d expected", len(metadata), MaxMetadataBytes)
	}
	var j intentJSON
	d := json.NewDecoder(bytes.NewReader([]byte(metadata)))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return Intent{}, fmt.Errorf("parse intent: %w", err)
	}
	if d.More() {
		return Intent{}, fmt.Errorf("parse intent: text after the document")
	}
	if j.Version != intentVersion {
		return Intent{}, fmt.Errorf("parse intent: version %d, this binary knows %d", j.Version, intentVersion)
	}
	in := Intent{Last: -1, Incarnation: j.Incarnation, Warm: -1, Config: j.Config, Topic: j.Topic, Cut: j.Cut}
	if j.Last != nil {
		in.Last = *j.Last
	}
	if j.Warm != nil {
		in.Warm = *j.Warm
	}
	if in.Last < -1 || in.Warm < -1 || in.Cut != nil && *in.Cut < 0 {
		return Intent{}, fmt.Errorf("parse intent: negative offset")
	}
	for _, r := range j.Exclude {
		if r[0] < 0 || r[1] < r[0] {
			return Intent{}, fmt.Errorf("parse intent: exclusion %d–%d is no range", r[0], r[1])
		}
		in.Exclude = append(in.Exclude, Range{r[0], r[1]})
	}
	return in, nil
}
