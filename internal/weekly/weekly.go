package weekly

import "time"

// Report is one tenant's week.
type Report struct {
	Tenant   string
	From, To time.Time
	Made     time.Time
	Version  string // of the assumptions; "": nothing is assumed
	Sections []Section
}

// Section is a table of numbers, and charts.
type Section struct {
	Title  string
	About  string
	Rows   []Row
	Charts []Chart
}

// Row is a number, and what it was the week before.
type Row struct {
	Name, Metric string
	Unit         string
	Rate         bool // the interval is told as well
	Now, Before  Number
}

// Number is a mean with what it is of. There is none of nothing.
type Number struct {
	Value float64
	Of    int64
	There bool
	// Low and High are what a rate lies between, with a confidence of 95 %.
	Low, High float64
}

// Chart has a bar for each day.
type Chart struct {
	Title string
	Unit  string
	Rate  bool // each day has what it is of
	Days  []Day
}

// Day is a bar: the day it is of, and a number.
type Day struct {
	Day time.Time
	Number
}
