package landscape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/seedguard/seedguard/pkg/garden"
)

// APIServer returns a handler that speaks as much of the Kubernetes API as informers need, in protobuf: it streams all objects of a
// resource, says that this was all, and then nothing more happens.
func (l *Landscape) APIServer() http.Handler {
	mux := http.NewServeMux()
	for _, r := range garden.Resources() {
		path := "/apis/" + r.Group
		if r.Group == "" {
			path = "/api"
		}
		mux.HandleFunc("GET "+path+"/"+r.Version+"/"+r.Resource, func(w http.ResponseWriter, request *http.Request) {
			query := request.URL.Query()
			if query.Get("watch") == "" {
				http.Error(w, "only watches are answered", http.StatusNotImplemented)
				return
			}
			w.Header().Set("Content-Type", runtime.ContentTypeProtobuf+";stream=watch")
			if query.Get("sendInitialEvents") == "true" {
				if err := l.stream(w, r); err != nil {
					return // the caller has gone away
				}
			}
			if flusher, ok := w.(http.Flusher); ok {
				flusher.Flush()
			}
			<-request.Context().Done()
		})
	}
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"major":"1","minor":"37","gitVersion":"v1.37.1"}`) // as above
	})
	return mux
}

func (l *Landscape) stream(w io.Writer, r garden.Resource) error {
	info, ok := runtime.SerializerInfoForMediaType(garden.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	if !ok || info.StreamSerializer == nil {
		return fmt.Errorf("no serializer for %s", runtime.ContentTypeProtobuf)
	}
	objects := garden.Codecs.EncoderForVersion(info.Serializer, r.GroupVersion())
	frames := info.StreamSerializer.NewFrameWriter(w)
	var object, event bytes.Buffer
	send := func(kind watch.EventType, o runtime.Object) error {
		object.Reset()
		if err := objects.Encode(o, &object); err != nil {
			return err
		}
		event.Reset()
		if err := info.StreamSerializer.Encode(&metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: object.Bytes()}}, &event); err != nil {
			return err
		}
		_, err := frames.Write(event.Bytes())
		return err
	}
	for o := range l.Of(r.Kind) {
		if err := send(watch.Added, o); err != nil {
			return err
		}
	}
	end := r.New()
	meta, ok := end.(metav1.Object)
	if !ok {
		return fmt.Errorf("%T has no metadata", end)
	}
	meta.SetResourceVersion("2")
	meta.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return send(watch.Bookmark, end)
}
