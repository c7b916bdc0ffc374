package aggregator

// place is where something is in a slab; 0: nowhere.
type place uint32

// slab keeps many things of one kind. It grows by pieces, so that growing copies
// nothing and pointers from at stay good, and things name each other by place,
// which is half a pointer and nothing for the garbage collector to follow.
type slab[T any] struct {
	pieces [][]T
	made   place   // the last place that was ever given
	free   []place // to be given again
}

// pieceLength is how many things a slab grows by: little for an idle partition.
const pieceLength = 256

func (s *slab[T]) at(p place) *T { return &s.pieces[p/pieceLength][p%pieceLength] }

// take gives a place. What is there is nothing, or what give left.
func (s *slab[T]) take() place {
	if last := len(s.free) - 1; last >= 0 {
		p := s.free[last]
		s.free = s.free[:last]
		return p
	}
	s.made++
	if int(s.made/pieceLength) >= len(s.pieces) {
		s.pieces = append(s.pieces, make([]T, pieceLength))
	}
	return s.made
}

// give takes a place back.
func (s *slab[T]) give(p place) { s.free = append(s.free, p) }
