package semconv

// generic is what belongs to no GenAI dialect: the identity attributes of
// OpenTelemetry, and content keys that several dialects share.
var generic = dialect{
	rows: []row{
		{sessionID, 20, "session.id"},
		{userID, 20, "user.id"},
		{userID, 100, "enduser.id"},
		{userID, 110, "enduser.pseudo.id"},
		{serviceName, 10, "service.name"},
		{environment, 20, "deployment.environment.name"},
		{environment, 30, "deployment.environment"},

		{errorType, 10, "error.type"},
		{serverAddress, 10, "server.address"},

		{input, 40, "input.value"},
		{input, 990, "input"},
		{output, 40, "output.value"},
		{output, 990, "output"},
	},
}
