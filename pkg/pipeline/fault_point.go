package pipeline

// FaultPoint is a fault point of another flow's.
func FaultPoint(name string) { faultPoint(name) }
