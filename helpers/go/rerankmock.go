// Package rerankmock tests clients of SiliconFlow's POST /v1/rerank against the mock of rerank-contract.
package rerankmock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long the mock may take to start.
const Patience = 30 * time.Second

// Where the mock of this process is, and whether it was started here.
var (
	running string
	isOwn   bool
)

// Severities of advice, the least severe first.
var severities = map[string]int{"remark": 0, "mistake": 1, "breach": 2, "nothing": 3}

// Object is a JSON object.
type Object = map[string]any

// Options of a test.
type Options struct {
	// FailOn is the lowest severity of advice that fails the test: remark, mistake, breach (the default) or nothing.
	FailOn string
	// Allow has the ids of advice that does not fail the test.
	Allow []string
	// LeaveUnmet allows that an armed scenario is not met.
	LeaveUnmet bool
	// Account has the members of the account, such as limits.
	Account Object
}

// Mock is an account of the mock, as one test uses it.
type Mock struct {
	// BaseURL, for the client, ends in /v1.
	BaseURL string
	// APIKey is for the client.
	APIKey string

	t        testing.TB
	options  Options
	name     string
	before   int
	receipts []int
}

// Call is an exchange, as the journal has it.
type Call struct {
	Number       int     `json:"number"`
	Account      *string `json:"account"`
	Method       string  `json:"method"`
	Path         string  `json:"path"`
	Body         string  `json:"body"`
	Status       int     `json:"status"`
	Outcome      string  `json:"outcome"`
	ResponseBody string  `json:"response_body"`
	Advice       []struct{ ID, Severity, Sentence, Hint string }
}

// Receipt says what has become of a scenario.
type Receipt struct {
	Number   int  `json:"number"`
	Met      bool `json:"met"`
	Scenario struct {
		Name string `json:"name"`
	} `json:"scenario"`
}

// Run runs the tests of a package with a mock, and returns the exit code; call it in TestMain. It uses the mock at
// $RERANK_BASE_URL, and without it starts the command, by default rerank-mock, on a free port.
func Run(m *testing.M, command ...string) int {
	if running = os.Getenv("RERANK_BASE_URL"); running != "" {
		return m.Run()
	}
	stop, err := start(command)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rerankmock:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

func start(command []string) (func(), error) {
	if len(command) == 0 {
		command = []string{"rerank-mock"}
	}
	arguments := append(append([]string{}, command[1:]...), "serve", "--port", "0", "--quiet")
	process := exec.Command(command[0], arguments...)
	var errors bytes.Buffer
	process.Stderr = &errors
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(output).ReadString('\n')
		line <- text
	}()
	stop := func() {
		if process.Process.Signal(syscall.SIGTERM) != nil {
			_ = process.Process.Kill() // Windows has no signals
		}
		_ = process.Wait()
	}
	select {
	case text := <-line:
		words := strings.Fields(text)
		if len(words) == 0 {
			_ = process.Wait()
			return nil, fmt.Errorf("%s ended: %s", command[0], strings.TrimSpace(errors.String()))
		}
		running, isOwn = words[len(words)-1], true
		return stop, nil
	case <-time.After(Patience):
		stop()
		return nil, fmt.Errorf("%s was not ready within %s", command[0], Patience)
	}
}

// New opens an account for a test. When the test ends, its calls are checked and the account is closed.
func New(t testing.TB, options ...Options) *Mock {
	t.Helper()
	if running == "" {
		t.Fatal("no mock is running: call rerankmock.Run in TestMain")
	}
	mock := &Mock{BaseURL: running, t: t}
	if len(options) > 0 {
		mock.options = options[0]
	}
	var journal struct{ Seen int }
	mock.admin("GET", "/journal?limit=1", nil, &journal)
	mock.before = journal.Seen
	var opened struct {
		Account struct{ Name string }
		Key     string
	}
	account := Object{}
	for member, value := range mock.options.Account {
		account[member] = value
	}
	mock.admin("POST", "/accounts", account, &opened)
	mock.name, mock.APIKey = opened.Account.Name, opened.Key
	t.Cleanup(func() {
		mock.Check()
		mock.admin("DELETE", "/accounts/"+url.PathEscape(mock.name), nil, nil)
	})
	return mock
}

// Arm lets the next rerank requests meet a scenario: the name of a ready-made one, the id or status of an error, a
// step, or a list of these.
func (mock *Mock) Arm(scenario any) Receipt {
	mock.t.Helper()
	var receipt Receipt
	mock.admin("POST", "/scenarios", Object{"account": mock.name, "scenario": scenario}, &receipt)
	mock.receipts = append(mock.receipts, receipt.Number)
	return receipt
}

// Receipt says how far an armed scenario has run.
func (mock *Mock) Receipt(number int) Receipt {
	mock.t.Helper()
	var receipt Receipt
	mock.admin("GET", fmt.Sprintf("/scenarios/%d", number), nil, &receipt)
	return receipt
}

// Pin gives documents scores.
func (mock *Mock) Pin(scores map[string]float64) {
	mock.t.Helper()
	mock.admin("POST", "/pins", Object{"account": mock.name, "pins": []Object{{"scores": scores}}}, nil)
}

// Change changes members of the account, such as its limits or balance.
func (mock *Mock) Change(terms Object) {
	mock.t.Helper()
	mock.admin("PATCH", "/accounts/"+url.PathEscape(mock.name), terms, nil)
}

// Calls returns the calls of this test so far, oldest first; on a mock that Run has started, also those without a
// valid key.
func (mock *Mock) Calls() []Call {
	mock.t.Helper()
	path := fmt.Sprintf("/journal?limit=1000&after=%d", mock.before)
	if !isOwn {
		path += "&account=" + url.QueryEscape(mock.name)
	}
	var journal struct{ Entries []Call }
	mock.admin("GET", path, nil, &journal)
	var own []Call
	for _, call := range journal.Entries {
		if call.Account == nil || *call.Account == mock.name {
			own = append(own, call)
		}
	}
	return own
}

// Verify fails the test unless the last call had these fields.
func (mock *Mock) Verify(fields Object) {
	mock.t.Helper()
	var verdict struct {
		Verified bool
		Message  string
	}
	wanted := Object{"account": mock.name, "after": mock.before, "fields": fields}
	mock.admin("POST", "/journal/verify", wanted, &verdict)
	if !verdict.Verified {
		mock.t.Error(verdict.Message)
	}
}

// Check fails the test if a call had advice that is severe enough, or if a scenario was not met.
func (mock *Mock) Check() {
	mock.t.Helper()
	failOn := mock.options.FailOn
	if failOn == "" {
		failOn = "breach"
	}
	least, isKnown := severities[failOn]
	if !isKnown {
		mock.t.Fatalf("FailOn: expected remark, mistake, breach or nothing, got %s", failOn)
	}
	allowed := map[string]bool{}
	for _, id := range mock.options.Allow {
		allowed[id] = true
	}
	for _, call := range mock.Calls() {
		for _, advice := range call.Advice {
			if severities[advice.Severity] >= least && !allowed[advice.ID] {
				mock.t.Errorf("call %d: %s %s -> %d: %s %s: %s", call.Number, call.Method, call.Path, call.Status,
					advice.Severity, advice.ID, advice.Hint)
			}
		}
	}
	for _, number := range mock.receipts {
		if receipt := mock.Receipt(number); !receipt.Met && !mock.options.LeaveUnmet {
			mock.t.Errorf("the scenario %s was armed and not all of it was met", receipt.Scenario.Name)
		}
	}
}

// admin makes a call below /__admin.
func (mock *Mock) admin(method, path string, body, answer any) {
	mock.t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			mock.t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	address := strings.TrimSuffix(strings.TrimSuffix(mock.BaseURL, "/"), "/v1") + "/__admin" + path
	request, err := http.NewRequest(method, address, content)
	if err != nil {
		mock.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		mock.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		mock.t.Fatalf("%s %s: %s %s", method, address, response.Status, text)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			mock.t.Fatalf("%s %s: %v", method, address, err)
		}
	}
}
