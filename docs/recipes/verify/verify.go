package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// verify tells whether a delivery was signed with this secret, within the last five minutes.
// header returns the value of a header, as Header.Get of an http.Request does.
func verify(secret string, header func(name string) string, body []byte) bool {
	id := header("webhook-id")
	timestamp := header("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// There are several signatures while a secret is being replaced; one that fits is enough.
	for _, given := range strings.Fields(header("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(expected)) {
			return true
		}
	}
	return false
}

// From the command line: go run verify.go <secret> <webhook-id> <webhook-timestamp> "<webhook-signature>" < body
func main() {
	headers := map[string]string{
		"webhook-id":        os.Args[2],
		"webhook-timestamp": os.Args[3],
		"webhook-signature": os.Args[4],
	}
	header := func(name string) string { return headers[name] }
	body, err := io.ReadAll(os.Stdin)
	if err != nil || !verify(os.Args[1], header, body) {
		fmt.Println("forged")
		os.Exit(1)
	}
	fmt.Println("valid")
}
