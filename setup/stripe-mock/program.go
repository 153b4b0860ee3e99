//go:build never

// Names the program that is built, so that Go's own tools keep go.mod and go.sum in step with it.
package program

import _ "github.com/stripe/stripe-mock"
