"""What a scripted backend may tell as its metrics."""

# Two models and two engines; an older name and a figure that is none.
METRICS = b"""\
# HELP vllm:num_requests_running Running.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="x"} 3.0
vllm:num_requests_running{engine="1",model_name="x"} 2.0
vllm:num_requests_running{engine="0",model_name="y"} 2.0
# HELP vllm:num_requests_waiting Waiting.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="x"} 11.0
vllm:num_requests_waiting{engine="1",model_name="x"} NaN
# HELP vllm:gpu_cache_usage_perc Usage.
# TYPE vllm:gpu_cache_usage_perc gauge
vllm:gpu_cache_usage_perc{engine="0",model_name="x"} 0.5
vllm:gpu_cache_usage_perc{engine="1",model_name="x"} 0.25
"""

# An engine that sleeps, as vLLM 0.32 tells it.
SLEEP_STATE = b"""\
# HELP vllm:engine_sleep_state Asleep or not.
# TYPE vllm:engine_sleep_state gauge
vllm:engine_sleep_state{engine="0",model_name="x",sleep_state="awake"} 0.0
vllm:engine_sleep_state{engine="0",model_name="x",sleep_state="weights_offloaded"} 1.0
"""
