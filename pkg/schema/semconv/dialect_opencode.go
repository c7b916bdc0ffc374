package semconv

// opencode is what the opencode command writes beside OpenTelemetry's names.
var opencode = dialect{
	rows: []row{
		{costTotal, 60, "opencode.llm.cost.total"},
	},
}
