package semconv

// flue is what Flue's OpenTelemetry package writes.
var flue = dialect{
	family: "flue",
	scopes: []string{"@flue/opentelemetry"},
	rows: []row{
		{toolName, 50, "flue.tool.name"},
		{input, 310, "flue.turn.input"},
		{input, 320, "flue.tool.arguments"},
		{input, 330, "flue.task.prompt"},
		{input, 340, "flue.workflow.payload"},
		{output, 310, "flue.turn.output"},
		{output, 320, "flue.tool.result"},
		{output, 330, "flue.task.result"},
		{output, 340, "flue.operation.result"},
		{output, 350, "flue.workflow.result"},
	},
}
