// Package weekly writes a week's numbers on one page, as Markdown and as HTML.
// Charts are SVG in the page: nothing is loaded from anywhere. It adds nothing
// up: every number on it is one that it was given, as the API answers it.
//
//	weekly.go   what a report is made of
//	text.go     numbers as people read them
//	markdown.go
//	html.go     and page.html.tmpl
//	chart.go    bars of days
package weekly
