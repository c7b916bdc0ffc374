package mlflow

// protocol is the version of MLflow whose protocol is spoken. SDKs ask for it
// once in a process and send spans by OTLP only if it is 3.4 or later.
const protocol = "3.17.2"

func (s *Server) version(*call) (answer, error) { return answer{typeHTML, []byte(protocol)}, nil }

func (s *Server) health(*call) (answer, error) { return answer{typeText, []byte("OK")}, nil }

// serverInfo says what the server has. Workspaces are enabled: they are tenants.
// That presigned uploads know runs and models, and that there is a gateway, is
// part of the protocol's version; there are no such uploads.
func (s *Server) serverInfo(*call) (answer, error) {
	return reply(struct {
		StoreType  string          `json:"store_type"`
		Workspaces bool            `json:"workspaces_enabled"`
		Archival   bool            `json:"trace_archival_enabled"`
		Uploads    bool            `json:"multipart_uploads_enabled"`
		Downloads  bool            `json:"multipart_downloads_enabled"`
		RunID      bool            `json:"presigned_upload_run_id_supported"`
		ModelID    bool            `json:"presigned_upload_model_id_supported"`
		Features   map[string]bool `json:"features_enabled"`
	}{StoreType: "SqlStore", Workspaces: true, RunID: true, ModelID: true, Features: map[string]bool{"gateway": true}})
}
