package llmfake

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"net/http"
)

// dimensions of a vector, unless the request says another number: short, for
// the instrumentations that copy vectors into their spans.
const dimensions = 8

// inputs is one text or several.
type inputs []string

func (in *inputs) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*in = inputs{one}
		return nil
	}
	var several []string
	if json.Unmarshal(b, &several) == nil {
		*in = several
		return nil
	}
	// Tokens instead of text: some clients count themselves.
	var lists [][]int
	if err := json.Unmarshal(b, &lists); err != nil {
		return err
	}
	for _, l := range lists {
		*in = append(*in, string(make([]byte, 4*len(l))))
	}
	return nil
}

func openAIEmbeddings(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model          string `json:"model"`
		Input          inputs `json:"input"`
		Dimensions     int    `json:"dimensions"`
		EncodingFormat string `json:"encoding_format"`
	}
	failed := refusedKey(bearer(r))
	if failed == nil {
		_, failed = read(r, &q)
	}
	if failed == nil && len(q.Input) > 0 {
		failed = scriptedFailure(turn{text: q.Input[0]})
	}
	if failed != nil {
		writeJSON(w, failed.status, failed.openAI())
		return
	}
	var data []any
	n := 0
	for i, text := range q.Input {
		v := vector(text, cmp.Or(q.Dimensions, dimensions))
		item := object{"object": "embedding", "index": i, "embedding": v}
		if q.EncodingFormat == "base64" {
			item["embedding"] = packed(v)
		}
		data = append(data, item)
		n += tokens(text)
	}
	writeJSON(w, http.StatusOK, object{
		"object": "list", "model": q.Model, "data": data, "usage": object{"prompt_tokens": n, "total_tokens": n},
	})
}

// vector gives numbers between 0 and 1 that a float32 holds and few digits
// write.
func vector(text string, n int) []float32 {
	h := fnv.New64a()
	h.Write([]byte(text))
	bits := h.Sum64()
	v := make([]float32, n)
	for i := range v {
		bits = bits*6364136223846793005 + 1442695040888963407
		v[i] = float32(bits>>58) / 64
	}
	return v
}

func packed(v []float32) string {
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}
