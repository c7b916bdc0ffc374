package pricing

import (
	"slices"
	"strings"
)

// regions are what cross-region inference puts before a model's name.
var regions = []string{"us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.", "ca."}

// areas are what Azure's deployment types put before it.
var areas = []string{"eu/", "us/", "global/", "global-standard/"}

// bare takes off a model's name, which is in lower case, what does not change
// what it is: the path or resource it stands in, its provider, its region and,
// of a fine-tuned model, its owner. provider and listed are names the provider
// goes by.
func bare(model string, providers []string) string {
	if at := strings.LastIndex(model, "models/"); at >= 0 { // models/…, projects/…/publishers/google/models/…
		model = model[at+len("models/"):]
	}
	if strings.HasPrefix(model, "arn:") {
		model = model[strings.LastIndexByte(model, '/')+1:]
	}
	if head, rest, ok := strings.Cut(model, "/"); ok && slices.Contains(providers, head) {
		model = strings.TrimPrefix(rest, "converse/")
	}
	for _, prefix := range slices.Concat(areas, regions) {
		if rest, ok := strings.CutPrefix(model, prefix); ok {
			model = rest
			break
		}
	}
	if strings.HasPrefix(model, "ft:") {
		if parts := strings.SplitN(model, ":", 3); len(parts) == 3 {
			model = parts[0] + ":" + parts[1]
		}
	}
	return model
}

// undated takes off a date at the end of a model's name: -2025-08-07, -20250807
// or @20250807.
func undated(model string) string {
	n := len(model)
	switch {
	case n > 11 && model[n-11] == '-' && shaped(model[n-10:], "dddd-dd-dd") && year(model[n-10:]):
		return model[:n-11]
	case n > 9 && (model[n-9] == '-' || model[n-9] == '@') && shaped(model[n-8:], "dddddddd") && year(model[n-8:]):
		return model[:n-9]
	}
	return model
}

func year(text string) bool { return text[:2] == "19" || text[:2] == "20" }

// shaped reports whether text looks like pattern, in which d is a digit.
func shaped(text, pattern string) bool {
	if len(text) != len(pattern) {
		return false
	}
	for i := range len(text) {
		if pattern[i] == 'd' && (text[i] < '0' || text[i] > '9') || pattern[i] != 'd' && text[i] != pattern[i] {
			return false
		}
	}
	return true
}

// marks are words behind a model's name that tell one release of it from
// another, and not one model from another as mini, pro or 32k do.
var marks = []string{"latest", "preview", "exp", "experimental", "beta", "stable", "default"}

// releases are the shapes of numbers that do the same. One or two digits alone
// do not: claude-opus-4-1 is not claude-opus-4.
var releases = []string{"ddd", "dddd", "dddddddd", "dddd-dd-dd", "dd-dddd", "vd:d", "vd", "d:d"}

// release reports whether rest, what a model's name has behind one in a book,
// begins at a separator and only tells the release.
func release(rest string) bool {
	preview := false
	for rest != "" {
		if !strings.ContainsRune("-@:", rune(rest[0])) {
			return false
		}
		rest = rest[1:]
		n := token(rest, preview)
		if n == 0 {
			return false
		}
		preview = preview || slices.Contains(marks, rest[:n])
		rest = rest[n:]
	}
	return true
}

// token is the length of the mark or release that text begins with; behind a
// mark such as preview, -05-06 is a date too.
func token(text string, preview bool) int {
	longest := 0
	fits := func(n int) bool {
		return n > longest && (n == len(text) || n < len(text) && strings.ContainsRune("-@:", rune(text[n])))
	}
	for _, m := range marks {
		if strings.HasPrefix(text, m) && fits(len(m)) {
			longest = len(m)
		}
	}
	for _, shape := range releases {
		if n := len(shape); n <= len(text) && shaped(text[:n], shape) && fits(n) {
			longest = n
		}
	}
	if preview && len(text) >= 5 && shaped(text[:5], "dd-dd") && fits(5) {
		longest = 5
	}
	return longest
}
