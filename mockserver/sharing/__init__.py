"""The state of several mocks, in Redis.

    RedisState    the state as each mock has it, and how a change is shared
    Connection    what is kept in Redis, and the scripts that read and write it
    RedisExchanges  the recorded exchanges

The rules are those of `state/`: a decision is made here, from the account as it was read, and a
script keeps it unless somebody else has changed the account meanwhile; then it is made anew.
"""
