import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointPlanTests {
  func bytes(_ name: String, _ count: Int) -> TensorInfo {
    TensorInfo(name: name, dtype: .uint8, shape: [count])
  }

  func groups(_ plan: CheckpointPlan) -> [[String]] {
    plan.shards.map { $0.entries.map(\.info.name) }
  }

  @Test func oneShardNeedsNoIndex() throws {
    let plan = try CheckpointPlan([bytes("b", 3), bytes("a", 2)])
    #expect(plan.shards.map(\.fileName) == ["model.safetensors"])
    #expect(groups(plan) == [["a", "b"]])
    #expect(plan.index == nil)
    #expect(plan.tensorByteCount == 5)
    #expect(plan.byteCount == plan.shards[0].encodedHeader.count + 5)
    #expect(plan.shards[0].encodedHeader.count % 8 == 0)
    #expect(groups(try CheckpointPlan([])) == [[]])
  }

  @Test func shardsAreFilledInOrderUpToTheLimit() throws {
    let tensors = [
      bytes("a", 4), bytes("b", 6), bytes("c", 1), bytes("huge", 25), bytes("none", 0),
      bytes("d", 10), bytes("e", 1),
    ]
    let plan = try CheckpointPlan(tensors, shardByteCountLimit: 10)
    #expect(groups(plan) == [["a", "b"], ["c"], ["huge"], ["d", "none"], ["e"]])
    #expect(plan.shards[1].fileName == "model-00002-of-00005.safetensors")
    #expect(plan.tensorByteCount == 47)
    #expect(plan.index?.shardOfTensor["huge"] == "model-00003-of-00005.safetensors")
    #expect(plan.index?.tensorByteCount == 47)
  }

  /// The order of the reference implementation, which keeps every tensor aligned.
  @Test func wideTypesGoFirst() throws {
    let tensors = DType.allCases.shuffled().map {
      TensorInfo(name: $0.safetensorsTag, dtype: $0, shape: [3])
    }
    let plan = try CheckpointPlan(tensors)
    #expect(
      groups(plan)[0] == [
        "U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "F8_E8M0", "F8_E4M3",
        "I8", "U8", "BOOL",
      ])
    for entry in plan.shards[0].entries {
      #expect(entry.byteRange.lowerBound % entry.info.dtype.byteCount == 0)
    }
  }

  @Test func encodedHeadersReadBack() throws {
    let names = ["plain", "with \"quotes\" and \\", "\u{1}\n\u{7F}", "ÄÖÜ 漢字 🙂", ""]
    let tensors = names.map { bytes($0, 2) }
    let shard = try CheckpointPlan(tensors).shards[0]
    let json = Array(shard.encodedHeader.dropFirst(8))
    let header = try SafetensorsHeader(json: json, dataByteCount: 10)
    #expect(header.entries.map(\.info) == shard.entries.map(\.info))
    let start = shard.encodedHeader.count
    #expect(
      header.entries.map { start + $0.offsets.lowerBound }
        == shard.entries.map(\.byteRange.lowerBound))
    #expect(shard.byteCount == start + 10)
    #expect(Set(header.entries.map(\.info.name)) == Set(names))
    #expect(header.metadata == ["format": "pt"])
  }

  @Test func impossiblePlansAreRefused() {
    expectInputError(.invalidValue, mentioning: ["'a'", "twice"]) {
      try CheckpointPlan([bytes("a", 1), bytes("a", 2)])
    }
    expectInputError(.invalidValue, mentioning: ["__metadata__"]) {
      try CheckpointPlan([bytes("__metadata__", 1)])
    }
    expectInputError(.invalidValue, mentioning: ["'a'", "too many"]) {
      try CheckpointPlan([TensorInfo(name: "a", dtype: .float64, shape: [.max, 2])])
    }
    expectInputError(.invalidValue, mentioning: ["'b'", "too large"]) {
      try CheckpointPlan([bytes("a", .max), bytes("b", 1)])
    }
  }
}
