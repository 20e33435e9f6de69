// Package postgres is a [shared.Place] in a PostgreSQL database: rows of one table, which
// are only ever added.
//
//	location, err := postgres.Parse("postgres://jpsync@db.example/release?sslmode=verify-full&state=retail")
//	place := postgres.New(location)
//	defer place.Close()
//	store, err := shared.New(place, lease)
//
// Every call is one statement in a transaction of its own, without session state, advisory
// locks or prepared statements, so it works behind PgBouncer in transaction mode. A database
// that fails over to an asynchronous standby loses commits: use a synchronous one.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"jpsync/state/shared"
)

// Table makes the table, and is what "jpsync state sql" prints, with the grants. Names sort by
// their bytes.
const Table = `CREATE TABLE IF NOT EXISTS jpsync_log (
    place text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    body  bytea NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (place, name)
)`

// The statements. clock_timestamp() goes on while a statement waits, now() does not. The
// commit is durable also in a database that has synchronous_commit off.
const (
	insertSQL = `INSERT INTO jpsync_log (place, name, body, at)
SELECT $1::text, $2::text, $3::bytea, clock_timestamp()
WHERE set_config('synchronous_commit', 'on', true) = 'on'
ON CONFLICT (place, name) DO NOTHING`
	listSQL = `SELECT '', 0, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
UNION ALL
SELECT name, octet_length(body), (extract(epoch FROM at) * 1000000)::bigint FROM jpsync_log
WHERE place = $1::text AND starts_with(name, $2::text) AND name > $3::text
ORDER BY 1`
	readSQL   = `SELECT body FROM jpsync_log WHERE place = $1::text AND name = $2::text`
	removeSQL = `DELETE FROM jpsync_log WHERE place = $1::text AND name = ANY($2::text[])`
)

// undefinedTable is the SQLSTATE of a table that is not there yet.
const undefinedTable = "42P01"

// connections is how many statements run side by side.
const connections = 16

// Place is a [shared.Place] in a database.
type Place struct {
	location Location
	slots    chan struct{}       // one for each statement under way
	idle     chan *pgconn.PgConn // connections at rest
}

// New returns the place at a location. It connects when it is first used.
func New(location Location) *Place {
	return &Place{location: location, slots: make(chan struct{}, connections), idle: make(chan *pgconn.PgConn, connections)}
}

// Close ends the connections at rest. The place can be used again.
func (p *Place) Close() {
	for {
		select {
		case conn := <-p.idle:
			closeConn(conn)
		default:
			return
		}
	}
}

func closeConn(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// Location implements [shared.Place].
func (p *Place) Location() string { return p.location.String() }

// Create implements [shared.Place]. It makes the table when that is missing.
func (p *Place) Create(ctx context.Context, name string, body []byte) error {
	op := "create " + name
	args := [][]byte{[]byte(p.location.state), []byte(name), append([]byte{}, body...)} // nil would be NULL
	res, err := p.exec(ctx, op, insertSQL, args, []int16{0, 0, 1})
	if isUndefined(err) {
		if _, err := p.exec(ctx, "create the table jpsync_log", Table, nil, nil); err != nil && !isDuplicate(err) {
			return err
		}
		res, err = p.exec(ctx, op, insertSQL, args, []int16{0, 0, 1})
	}
	if err != nil {
		return err
	}
	if res.CommandTag.RowsAffected() == 0 {
		return shared.ErrExists
	}
	return nil
}

// List implements [shared.Place]. Without a table there is nothing.
func (p *Place) List(ctx context.Context, prefix, after string) (entries []shared.Entry, clock time.Time, err error) {
	args := [][]byte{[]byte(p.location.state), []byte(prefix), []byte(after)}
	res, err := p.exec(ctx, "list", listSQL, args, nil)
	if isUndefined(err) {
		return nil, time.Now(), nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	for i, row := range res.Rows {
		size, sizeErr := strconv.ParseInt(string(row[1]), 10, 64)
		micros, timeErr := strconv.ParseInt(string(row[2]), 10, 64)
		if err := errors.Join(sizeErr, timeErr); err != nil {
			return nil, time.Time{}, fmt.Errorf("list: %w", err)
		}
		if i == 0 { // the empty name sorts first
			clock = time.UnixMicro(micros)
			continue
		}
		entries = append(entries, shared.Entry{Name: string(row[0]), Size: size, Time: time.UnixMicro(micros)})
	}
	return entries, clock, nil
}

// Read implements [shared.Place].
func (p *Place) Read(ctx context.Context, name string) ([]byte, error) {
	res, err := p.exec(ctx, "read "+name, readSQL, [][]byte{[]byte(p.location.state), []byte(name)}, nil)
	switch {
	case isUndefined(err), err == nil && len(res.Rows) == 0:
		return nil, shared.ErrNotFound
	case err != nil:
		return nil, err
	}
	return res.Rows[0][0], nil
}

// Remove implements [shared.Place].
func (p *Place) Remove(ctx context.Context, names ...string) error {
	array := "{" + strings.Join(names, ",") + "}" // names are letters, digits and slashes, which need no quotes
	_, err := p.exec(ctx, "remove", removeSQL, [][]byte{[]byte(p.location.state), []byte(array)}, nil)
	return err
}

// exec makes one statement, once. Columns come as text, but for a bytea, which is binary.
func (p *Place) exec(ctx context.Context, op, sql string, args [][]byte, formats []int16) (*pgconn.Result, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, &shared.UnavailableError{Err: fmt.Errorf("%s: %w", op, ctx.Err())}
	}
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	var results []int16
	if sql == readSQL {
		results = []int16{1}
	}
	res := conn.ExecParams(ctx, sql, args, nil, formats, results).Read()
	if _, told := errors.AsType[*pgconn.PgError](res.Err); res.Err == nil || told && !conn.IsClosed() {
		p.idle <- conn
	} else {
		closeConn(conn)
		if ctx.Err() == nil { // the server may have restarted, and the others are as dead
			p.Close()
		}
	}
	if res.Err != nil {
		return nil, failure(op, res.Err)
	}
	return res, nil
}

// connect returns a connection that nobody else uses.
func (p *Place) connect(ctx context.Context) (*pgconn.PgConn, error) {
	for {
		select {
		case conn := <-p.idle:
			if !conn.IsClosed() {
				return conn, nil
			}
		default:
			conn, err := pgconn.ConnectConfig(ctx, p.location.config.Copy())
			if err != nil {
				return nil, failure("connect", connectError(err))
			}
			return conn, nil
		}
	}
}

// connectError is the cause without pgconn's text, which repeats the location.
func connectError(err error) error {
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		if inner := e.Unwrap(); inner != nil {
			return inner
		}
	}
	return err
}

func isUndefined(err error) bool { return codeOf(err) == undefinedTable }

// isDuplicate tells that somebody else made the table at the same time.
func isDuplicate(err error) bool {
	code := codeOf(err)
	return code == "42P07" || code == "23505"
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
