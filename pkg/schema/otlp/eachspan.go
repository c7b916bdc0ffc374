package otlp

// EachSpan shows visit the ids of every span of an ExportTraceServiceRequest, of
// whatever length they are, in wire order. It checks nothing: what cannot be read
// ends it early, and Split or Decode will say so.
func EachSpan(request []byte, visit func(traceID, spanID []byte)) {
	resources := cursor{src: alias(request), m: msgRequest}
	for resources.next() {
		scopes := cursor{src: resources.data, m: msgResourceSpans}
		for resources.num == 1 && scopes.next() {
			spans := cursor{src: scopes.data, m: msgScopeSpans}
			for scopes.num == 2 && spans.next() {
				if spans.num == 2 {
					visitIDs(spans.data, visit)
				}
			}
		}
	}
}

func visitIDs(span string, visit func(traceID, spanID []byte)) {
	var trace, id string
	fields := cursor{src: span, m: msgSpan}
	for fields.next() {
		switch fields.num {
		case 1:
			trace = fields.data
		case 2:
			id = fields.data
		}
	}
	visit([]byte(trace), []byte(id))
}
