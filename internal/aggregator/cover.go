package aggregator

import "sort"

// span of time, [from, to) in nanoseconds.
type interval struct{ from, to uint64 }

// within is the part of i that lies in bounds, empty if none does.
func (i interval) within(bounds interval) interval {
	i.from, i.to = max(i.from, bounds.from), min(i.to, bounds.to)
	i.to = max(i.to, i.from)
	return i
}

func (i interval) length() uint64 { return i.to - i.from }

// cover is a union of intervals: disjoint ones, in order, that do not touch.
type cover []interval

// mostPieces bounds what a union is of, 1 MiB. What would be one more is left
// out: a span whose children never end must not take all memory.
const mostPieces = 1 << 16

// add puts an interval into the union, and gives how much of bounds it covers
// that was not covered before.
func (c *cover) add(i interval, bounds interval) (gain uint64) {
	if i.length() == 0 {
		return 0
	}
	gain = i.within(bounds).length()
	list := *c
	first := len(list)
	if first > 0 && list[first-1].to >= i.from { // spans come in order, mostly
		first = sort.Search(len(list), func(n int) bool { return list[n].to >= i.from })
	}
	last := first
	for ; last < len(list) && list[last].from <= i.to; last++ {
		gain -= list[last].within(i).within(bounds).length()
		i.from, i.to = min(i.from, list[last].from), max(i.to, list[last].to)
	}
	if first == last {
		if len(list) >= mostPieces {
			return 0
		}
		list = append(list, interval{})
		copy(list[first+1:], list[first:])
	} else {
		list = append(list[:first+1], list[last:]...)
	}
	list[first] = i
	*c = list
	return gain
}

// covered is how much of bounds the union covers.
func (c *cover) covered(bounds interval) (sum uint64) {
	for _, i := range *c {
		sum += i.within(bounds).length()
	}
	return sum
}
