package pricing

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// liteUnits are LiteLLM's names of the units: US dollars for a token.
var liteUnits = map[string]Unit{
	"input_cost_per_token":                      Input,
	"output_cost_per_token":                     Output,
	"cache_read_input_token_cost":               CacheRead,
	"cache_creation_input_token_cost":           CacheWrite,
	"cache_creation_input_token_cost_above_1hr": CacheWrite1h,
	"output_cost_per_reasoning_token":           Reasoning,
	"input_cost_per_audio_token":                AudioInput,
	"output_cost_per_audio_token":               AudioOutput,
}

// liteTiers are how the names of rates end that are for a tier.
var liteTiers = map[string]string{"_batches": schema.TierBatch, "_flex": "flex", "_priority": "priority"}

// liteSample is an entry of LiteLLM's that explains the others.
const liteSample = "sample_spec"

// parseLiteLLM reads a file in LiteLLM's format: an object of models. A model's
// name may begin with its provider, as calls through LiteLLM do.
func parseLiteLLM(content []byte, version string, at time.Time) (*Book, error) {
	var models map[string]map[string]json.RawMessage
	if err := json.Unmarshal(content, &models); err != nil {
		return nil, fmt.Errorf("not an object of models: %w", err)
	}
	b := newBook()
	b.Version, b.EffectiveAt = version, at
	delete(models, liteSample)
	// A name without its provider comes before the same with it.
	names := slices.SortedFunc(maps.Keys(models), func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		e, err := liteEntry(name, models[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if e == nil || b.exact[key{bookName(e.provider), e.model}] != nil {
			continue
		}
		if err := b.add(e); err != nil {
			return nil, err
		}
	}
	if b.Models() == 0 {
		return nil, errors.New("no models with prices in it")
	}
	return b, nil
}

// liteEntry is nil for what has no price by tokens or calls.
func liteEntry(name string, fields map[string]json.RawMessage) (*entry, error) {
	var provider string
	if raw, ok := fields["litellm_provider"]; ok {
		if err := json.Unmarshal(raw, &provider); err != nil {
			return nil, fmt.Errorf("litellm_provider: %w", err)
		}
	}
	if provider == "" {
		return nil, errors.New("no litellm_provider")
	}
	e := &entry{provider: provider, model: strings.TrimPrefix(strings.TrimPrefix(name, provider+"/"), bookName(provider)+"/")}
	for field, raw := range fields {
		text := string(raw)
		if text == "null" {
			continue
		}
		if field == "input_cost_per_request" {
			nano, err := money(strings.Trim(text, `"`), nanoDigits)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", field, err)
			}
			e.request = nano
			continue
		}
		if err := e.setLite(field, text); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	if e.base.empty() && e.request == 0 {
		return nil, nil
	}
	return e, nil
}

// setLite puts the rate called field; other fields are none of ours.
func (e *entry) setLite(field, text string) error {
	base, tierName := field, ""
	for suffix, name := range liteTiers {
		if cut, ok := strings.CutSuffix(field, suffix); ok {
			base, tierName = cut, name
		}
	}
	var above uint64
	unit, ok := liteUnits[base]
	if !ok {
		var threshold string
		base, threshold, ok = cutAbove(base)
		if ok {
			unit, ok = liteUnits[base]
			above = tokens(threshold)
		}
		if !ok || above == 0 {
			return nil
		}
	}
	atto, err := money(strings.Trim(text, `"`), attoDigits)
	if err != nil {
		return err
	}
	switch {
	case tierName == "" && above == 0:
		e.base.put(unit, atto)
	case tierName == "":
		e.long = putLong(e.long, above, unit, atto)
	case above == 0:
		e.putTier(tierName, func(t *tier) { t.rates.put(unit, atto) })
	default:
		e.putTier(tierName, func(t *tier) { t.long = putLong(t.long, above, unit, atto) })
	}
	return nil
}

// cutAbove takes …_above_200k_tokens apart.
func cutAbove(field string) (base, threshold string, ok bool) {
	at := strings.LastIndex(field, "_above_")
	if at < 0 {
		return "", "", false
	}
	threshold, ok = strings.CutSuffix(field[at+len("_above_"):], "_tokens")
	return field[:at], threshold, ok
}

func tokens(text string) uint64 {
	digits, thousand := strings.CutSuffix(text, "k")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	if thousand {
		n *= 1000
	}
	return n
}
