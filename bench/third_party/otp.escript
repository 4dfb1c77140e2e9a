#!/usr/bin/env escript
%%! -noinput -env ERL_CRASH_DUMP_SECONDS 0
%% A gen_server under a one_for_one supervisor of OTP, which is killed in a call. As otp_process an Erlang process is
%% killed, which is none of the system; as otp_port the program behind the gen_server's port, which the gen_server
%% follows, as programs of Erlang do it. All calls that wait for it fail, and whoever made them makes them again.
%%
%%   otp_process WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS      (bench/work.hpp)
-mode(compile).
-behaviour(gen_server).
-export([start_link/1, init/1, handle_call/3, handle_cast/2]).

main(["restart", "0", _, _, Seconds]) ->
    logger:set_primary_config(level, none),
    Kind = list_to_atom(filename:basename(escript:script_name())),
    {ok, _} = supervisor:start_link(?MODULE, {supervisor, Kind}),
    restart(Kind),
    {Number, _} = string:to_float(Seconds ++ case lists:member($., Seconds) of true -> ""; false -> ".0" end),
    Times = lists:sort(restarts(Kind, now_us() + round(Number * 1.0e6), [])),
    io:format("{\"unit\": \"us\", \"value\": ~b, \"messages\": ~b}~n",
              [lists:nth(length(Times) div 2 + 1, Times), length(Times)]);
main([_, _, _, _, _]) ->
    halt(3).

restarts(Kind, Until, Times) ->
    case length(Times) >= 5 andalso now_us() >= Until of
        true -> Times;
        false -> restarts(Kind, Until, [restart(Kind) | Times])
    end.

%% Microseconds from the kill to the first answer of the next worker.
restart(Kind) ->
    Pid = ask(none, none),
    Main = self(),
    Killer = spawn_link(fun() -> Main ! {moment, kill_in_call(Kind, Pid)} end),
    {'EXIT', _} = (catch ask(Pid, Killer)),
    Next = ask_next(),
    Answered = now_us(),
    true = Next =/= Pid,
    receive {moment, Moment} -> Answered - Moment end.

%% Answered by the worker's pid. The worker of this pid holds the call.
ask(Pid, Killer) -> gen_server:call(worker, {ask, Pid, Killer}, infinity).

ask_next() ->
    case catch ask(none, none) of
        {'EXIT', {noproc, _}} -> erlang:yield(), ask_next();  % the supervisor has not started it yet
        Pid -> Pid
    end.

%% Kills the worker as soon as it holds a call, with another call behind that, and returns the moment.
kill_in_call(Kind, Pid) ->
    Bash = killer(Kind),
    receive held -> ok end,
    {_, Monitor} = spawn_monitor(fun() -> ask(none, none) end),
    timer:sleep(2),
    Moment = kill(Bash, Pid),
    receive {'DOWN', Monitor, process, _, Reason} -> true = Reason =/= normal end,
    Moment.

killer(otp_process) -> none;
killer(otp_port) ->
    Line = "read pid; moment=${EPOCHREALTIME/[.,]/}; kill -KILL $pid; echo $moment",
    open_port({spawn_executable, "/bin/bash"}, [{args, ["-c", Line]}, {line, 64}]).

kill(none, Pid) ->
    Moment = now_us(),
    exit(Pid, kill),
    Moment;
kill(Bash, Pid) ->
    port_command(Bash, [Pid, "\n"]),
    receive {Bash, {data, {eol, Moment}}} -> list_to_integer(Moment) end.

now_us() -> os:system_time(microsecond).

%% ---- the supervisor and the worker ----

start_link(Kind) -> gen_server:start_link({local, worker}, ?MODULE, {worker, Kind}, []).

init({supervisor, Kind}) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1},
          [#{id => worker, start => {?MODULE, start_link, [Kind]}}]}};
init({worker, otp_process}) ->
    {ok, none};
init({worker, otp_port}) ->
    Loop = "while read pid; do [ \"$pid\" = $$ ] && echo held && exec sleep 60; echo $$; done",
    {ok, open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Loop]}, {line, 64}, exit_status])}.

handle_call({ask, Pid, Killer}, _, none) ->
    case Pid =:= self() of
        true -> Killer ! held, receive never -> none end;
        false -> {reply, self(), none}
    end;
handle_call({ask, Pid, Killer}, _, Port) ->
    port_command(Port, [case Pid of none -> "0"; _ -> Pid end, "\n"]),
    answer_of(Port, Killer).

answer_of(Port, Killer) ->
    receive
        {Port, {data, {eol, "held"}}} -> Killer ! held, answer_of(Port, Killer);
        {Port, {data, {eol, Answer}}} -> {reply, Answer, Port};
        {Port, {exit_status, Status}} -> {stop, {program_ended, Status}, Port}
    end.

handle_cast(_, State) -> {noreply, State}.
