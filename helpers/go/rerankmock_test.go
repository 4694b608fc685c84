package rerankmock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	var command []string
	if given := os.Getenv("RERANK_MOCK_COMMAND"); given != "" {
		if err := json.Unmarshal([]byte(given), &command); err != nil {
			panic(err)
		}
	}
	os.Exit(Run(m, command...))
}

// rerank is the client that these tests test: it asks again where the service is overloaded.
func rerank(t *testing.T, mock *Mock, more Object) (int, []int) {
	t.Helper()
	body := Object{"model": "BAAI/bge-reranker-v2-m3", "query": "apple", "documents": []string{"pear", "apple"}}
	for field, value := range more {
		body[field] = value
	}
	content, _ := json.Marshal(body)
	for tries := 0; ; tries++ {
		request, _ := http.NewRequest("POST", mock.BaseURL+"/rerank", bytes.NewReader(content))
		request.Header.Set("Authorization", "Bearer "+mock.APIKey)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Results []struct{ Index int } }
		_ = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		if response.StatusCode == 503 && tries < 2 {
			continue
		}
		var order []int
		for _, result := range answer.Results {
			order = append(order, result.Index)
		}
		return response.StatusCode, order
	}
}

func TestScoresArePinned(t *testing.T) {
	mock := New(t)
	mock.Pin(map[string]float64{"pear": 0.9, "apple": 0.1})
	if _, order := rerank(t, mock, Object{"top_n": 2}); fmt.Sprint(order) != "[0 1]" {
		t.Errorf("expected [0 1], got %v", order)
	}
	mock.Verify(Object{"top_n": 2})
}

func TestAScenarioIsMet(t *testing.T) {
	mock := New(t)
	armed := mock.Arm("overloaded_then_success")
	if status, _ := rerank(t, mock, nil); status != 200 {
		t.Errorf("expected 200, got %d", status)
	}
	if !mock.Receipt(armed.Number).Met {
		t.Error("the scenario was not met")
	}
	if calls := mock.Calls(); len(calls) != 3 || calls[0].Status != 503 {
		t.Errorf("expected 3 calls, the first with 503, got %v", calls)
	}
}

func TestEachTestHasAnAccount(t *testing.T) {
	one, other := New(t), New(t, Options{Account: Object{"limits": Object{"RPM": 0}}})
	if status, _ := rerank(t, one, nil); status != 200 {
		t.Errorf("expected 200, got %d", status)
	}
	if status, _ := rerank(t, other, nil); status != 429 {
		t.Errorf("expected 429, got %d", status)
	}
	other.Change(Object{"limits": Object{"RPM": 10}})
	if status, _ := rerank(t, other, nil); status != 200 {
		t.Errorf("expected 200, got %d", status)
	}
}

// recorder keeps what would fail a test.
type recorder struct {
	testing.TB
	said    []string
	cleanup []func()
}

func (r *recorder) Helper()                            {}
func (r *recorder) Cleanup(f func())                   { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Error(words ...any)                 { r.said = append(r.said, fmt.Sprint(words...)) }
func (r *recorder) Errorf(format string, words ...any) { r.Error(fmt.Sprintf(format, words...)) }

func TestWhatFailsATest(t *testing.T) {
	for name, row := range map[string]struct {
		options Options
		act     func(mock *Mock)
		said    string
	}{
		"a breach":                  {Options{}, func(mock *Mock) { rerank(t, mock, Object{"top_n": 0}) }, "breach"},
		"a mistake, if it is to":    {Options{FailOn: "mistake"}, func(mock *Mock) { rerank(t, mock, Object{"top_k": 1}) }, "mistake"},
		"an unmet scenario":         {Options{}, func(mock *Mock) { mock.Arm("overloaded") }, "not all of it was met"},
		"a wrong field":             {Options{}, func(mock *Mock) { rerank(t, mock, nil); mock.Verify(Object{"top_n": 1}) }, "top_n: expected 1"},
		"no mistake":                {Options{}, func(mock *Mock) { rerank(t, mock, Object{"top_k": 1}) }, ""},
		"nothing":                   {Options{FailOn: "nothing"}, func(mock *Mock) { rerank(t, mock, Object{"top_n": 0}) }, ""},
		"no scenario that may wait": {Options{LeaveUnmet: true}, func(mock *Mock) { mock.Arm("overloaded") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := &recorder{TB: t}
			row.act(New(recorded, row.options))
			for _, cleanup := range recorded.cleanup {
				cleanup()
			}
			said := strings.Join(recorded.said, "\n")
			if !strings.Contains(said, row.said) || (row.said == "") != (said == "") {
				t.Errorf("expected %q, got %q", row.said, said)
			}
		})
	}
}
