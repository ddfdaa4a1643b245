package landscape

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// APIServer returns a handler that speaks as much of the Kubernetes API as informers need, in protobuf: all objects of
// a resource as the first events of a watch if it streams, in pages if it does not; and then nothing more happens.
func (l *Landscape) APIServer(streams bool) http.Handler {
	mux := http.NewServeMux()
	for _, kind := range garden.Watched() {
		r := kind.Resource()
		path := "/apis/" + r.Group
		if r.Group == "" {
			path = "/api"
		}
		mux.HandleFunc("GET "+path+"/"+r.Version+"/"+r.Resource, func(w http.ResponseWriter, request *http.Request) {
			query, send := request.URL.Query(), l.watch
			switch {
			case strings.Contains(request.Header.Get("Accept"), "as=PartialObjectMetadataList"):
				send = probed
			case query.Get("watch") == "":
				send = l.page
			case query.Get("sendInitialEvents") == "true" && !streams:
				// as API servers without the feature do
				http.Error(w, "sendInitialEvents is forbidden", http.StatusUnprocessableEntity)
				return
			}
			if err := send(w, request, kind); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"major":"1","minor":"37","gitVersion":"v1.37.1"}`) // as above
	})
	return mux
}

// probed answers a list of metadata, by which clients only see that there is an answer.
func probed(w http.ResponseWriter, _ *http.Request, _ graph.Kind) error {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	_, err := io.WriteString(w, `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList",`+
		`"metadata":{"resourceVersion":"2"},"items":[]}`)
	return err
}

// page answers with a part of a list. It insists on limits, as all at once would be gigabytes.
func (l *Landscape) page(w http.ResponseWriter, request *http.Request, kind graph.Kind) error {
	query := request.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || query.Has("resourceVersion") {
		return errors.New("only pages are answered")
	}
	from := 0
	if at := query.Get("continue"); at != "" {
		if from, err = strconv.Atoi(at); err != nil {
			return err
		}
	}
	n, at := l.maker(kind)
	to := min(from+limit, n)
	var objects []runtime.Object
	for i := range to - from {
		if o := at(from + i); o != nil {
			objects = append(objects, o)
		}
	}
	gv := kind.Resource().GroupVersion()
	list, err := garden.Scheme.New(gv.WithKind(kind.String() + "List"))
	if err != nil {
		return err
	}
	if err := meta.SetList(list, objects); err != nil {
		return err
	}
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return err
	}
	accessor.SetResourceVersion("2")
	if to < n {
		accessor.SetContinue(strconv.Itoa(to))
	}
	info, err := protobuf()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
	return garden.Codecs.EncoderForVersion(info.Serializer, gv).Encode(list, w)
}

func protobuf() (runtime.SerializerInfo, error) {
	info, ok := runtime.SerializerInfoForMediaType(garden.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	if !ok || info.StreamSerializer == nil {
		return info, fmt.Errorf("no serializer for %s", runtime.ContentTypeProtobuf)
	}
	return info, nil
}

// watch answers with a watch, until the caller has gone away.
func (l *Landscape) watch(w http.ResponseWriter, request *http.Request, kind graph.Kind) error {
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf+";stream=watch")
	if request.URL.Query().Get("sendInitialEvents") == "true" {
		if err := l.stream(w, kind); err != nil {
			return nil //nolint:nilerr // the caller has gone away
		}
	}
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	<-request.Context().Done()
	return nil
}

func (l *Landscape) stream(w io.Writer, kind graph.Kind) error {
	info, err := protobuf()
	if err != nil {
		return err
	}
	gv := kind.Resource().GroupVersion()
	objects := garden.Codecs.EncoderForVersion(info.Serializer, gv)
	frames := info.StreamSerializer.NewFrameWriter(w)
	var object, event bytes.Buffer
	send := func(what watch.EventType, o runtime.Object) error {
		object.Reset()
		if err := objects.Encode(o, &object); err != nil {
			return err
		}
		event.Reset()
		if err := info.StreamSerializer.Encode(&metav1.WatchEvent{Type: string(what),
			Object: runtime.RawExtension{Raw: object.Bytes()}}, &event); err != nil {
			return err
		}
		_, err := frames.Write(event.Bytes())
		return err
	}
	for o := range l.Of(kind) {
		if err := send(watch.Added, o); err != nil {
			return err
		}
	}
	end, err := garden.Scheme.New(gv.WithKind(kind.String()))
	if err != nil {
		return err
	}
	accessor, err := meta.Accessor(end)
	if err != nil {
		return err
	}
	accessor.SetResourceVersion("2")
	accessor.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return send(watch.Bookmark, end)
}
