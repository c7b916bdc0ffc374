package semconv

// generic is what belongs to no GenAI dialect: the identity attributes of
// OpenTelemetry, and bare words that several dialects share.
var generic = dialect{
	rows: []row{
		{sessionID, 20, "session.id"},
		{userID, 20, "user.id"},
		{userID, 100, "enduser.id"},
		{userID, 110, "enduser.pseudo.id"},
		{serviceName, 10, "service.name"},
		{release, 20, "service.version"},
		{appVersion, 20, "service.version"},
		{environment, 20, "deployment.environment.name"},
		{environment, 30, "deployment.environment"},
		{tags, 50, "tag.tags"},

		{errorType, 10, "error.type"},
		{serverAddress, 10, "server.address"},
		{model, 50, "model"},

		{input, 990, "input"},
		{output, 990, "output"},
	},
}
