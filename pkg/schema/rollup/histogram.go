package rollup

import "slices"

// Bucket is how many values fell into a bucket. The count wraps: what was taken
// out of a bucket before it was put in is a count just below 2^64.
type Bucket struct {
	Index int16
	Count uint64
}

// Histogram is how values are distributed: the buckets that are not empty, by
// index. The zero value is an empty one.
type Histogram []Bucket

// Add puts n values into a bucket; the negative of n takes them out again.
func (h *Histogram) Add(index int16, n int64) { h.add(index, uint64(n)) }

func (h *Histogram) add(index int16, n uint64) {
	i := h.find(index)
	if i == len(*h) || (*h)[i].Index != index {
		*h = slices.Insert(*h, i, Bucket{index, n})
		return
	}
	if (*h)[i].Count += n; (*h)[i].Count == 0 {
		*h = slices.Delete(*h, i, i+1)
	}
}

// find gives the place of a bucket, or where it would be. It is most of the cost
// of an observation: halves are chosen without a branch, which nobody could
// predict.
func (h *Histogram) find(index int16) int {
	b := *h
	low := 0
	for n := len(b); n > 0; {
		half := (n + 1) / 2
		next := low + half
		if b[next-1].Index >= index {
			next = low
		}
		n -= half
		low = next
	}
	return low
}

// Merge adds another histogram's counts.
func (h *Histogram) Merge(o Histogram) {
	for _, b := range o {
		h.add(b.Index, b.Count)
	}
}

// Total is how many values there are.
func (h *Histogram) Total() int64 {
	var n uint64
	for _, b := range *h {
		n += b.Count
	}
	return int64(n)
}

// Quantile estimates the value of rank ⌈q·n⌉, q in [0, 1], within
// QuantileError; false: there are no values.
func (h *Histogram) Quantile(q float64) (float64, bool) {
	total := h.Total()
	if total <= 0 {
		return 0, false
	}
	rank := max(1, min(total, ceil(q*float64(total))))
	var seen int64
	for _, b := range *h {
		if seen += int64(b.Count); seen >= rank {
			return BucketValue(b.Index), true
		}
	}
	return 0, false
}

// Variance estimates how far values are from their mean, squared: as they are spread
// over buckets, and not within them. Of nothing it is 0.
func (h *Histogram) Variance() float64 {
	var n, mean, squares float64 // Welford's, by bucket
	for _, b := range *h {
		more := float64(int64(b.Count))
		if n += more; n == 0 {
			continue
		}
		off := BucketValue(b.Index) - mean
		mean += off * more / n
		squares += more * off * (BucketValue(b.Index) - mean)
	}
	if n <= 0 {
		return 0
	}
	return max(0, squares/n)
}

func ceil(x float64) int64 {
	n := int64(x)
	if float64(n) < x {
		n++
	}
	return n
}
