import Diagnostics
import Foundation
import GGUF
import TestSupport
import Testing

/// Files of what errors in columns weigh, as llama-imatrix writes them.
@Suite struct ImportanceFileTests {
  private let importances = GGUFImportances(
    sums: [
      "blk.0.attn_q.weight": .init(squares: [1, 4, 9], counts: [7]),
      "blk.0.ffn_up_exps.weight": .init(squares: [1, 2, 0, 0, 3, 5], counts: [4, 0, 3]),
    ], sources: ["books.txt", "more"], sampleCount: 2, sequenceLength: 16)

  @Test func isReadAsItWasWritten() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "importance.gguf")
      try importances.write(to: url)
      #expect(try GGUFImportances(opening: url) == importances)
      let file = try GGUFFile(opening: url)
      #expect(
        file.tensors.map(\.name) == [
          "blk.0.attn_q.weight.in_sum2", "blk.0.attn_q.weight.counts",
          "blk.0.ffn_up_exps.weight.in_sum2", "blk.0.ffn_up_exps.weight.counts",
        ])
      #expect(file.tensors.map(\.shape) == [[1, 3], [1, 1], [3, 2], [3, 1]])
      #expect(file.metadata["general.type"] == .string("imatrix"))
      #expect(file.metadata["imatrix.datasets"] == .strings(["books.txt", "more"]))
      #expect(file.metadata["imatrix.chunk_count"] == .uint32(2))
      #expect(file.metadata["imatrix.chunk_size"] == .uint32(16))
    }
  }

  @Test func matricesWithoutInputsGetWhatTheOthersHave() throws {
    let stack = "blk.0.ffn_up_exps.weight"
    let weights = try (0..<3).map {
      try importances.weights(of: stack, matrix: $0, count: 3, columns: 2)
    }
    #expect(weights == [[1, 2], [4, 7], [3, 5]])
    #expect(try importances.weights(of: "other", matrix: 0, count: 1, columns: 2) == nil)
    for (count, columns) in [(3, 4), (2, 2), (1, 6)] {
      expectInputError(.invalidValue, mentioning: ["3 rows of 2", "\(count) of \(columns)"]) {
        try importances.weights(of: stack, matrix: 0, count: count, columns: columns)
      }
    }
  }

  /// llama.cpp leaves out dimensions of 1.
  @Test func vectorsAreOneMatrix() throws {
    try withTemporaryFolder { folder in
      let url = try file(in: folder) { file in
        file.addTensor("a.in_sum2", [4])
        file.addTensor("a.counts", [1], offset: 32)
      }
      let found = try GGUFImportances(opening: url)
      #expect(found.sums["a"]?.columns == 4 && found.sums["a"]?.counts.count == 1)
      #expect(found.sampleCount == 0 && found.sources.isEmpty)
    }
  }

  @Test func damagedFiles() throws {
    try withTemporaryFolder { folder in
      func expect(
        _ code: InputError.Code, _ words: [String], type: String = "imatrix",
        numbers: Float = 0, _ body: (inout GGUFBytes) -> Void
      ) throws {
        let url = try file(in: folder, type: type, numbers: numbers, body)
        expectInputError(code, mentioning: words + ["importance.gguf"]) {
          try GGUFImportances(opening: url)
        }
      }
      func pair(_ file: inout GGUFBytes) {
        file.addTensor("a.in_sum2", [4])
        file.addTensor("a.counts", [1], offset: 32)
      }
      try expect(.unsupported, ["general.type", "imatrix"], type: "model", pair)
      for bad in [-1, Float.nan, .infinity] {
        try expect(.invalidValue, ["a.in_sum2"], numbers: bad, pair)
      }
      try expect(.malformed, ["a.counts", "not in this file"]) { file in
        file.addTensor("a.in_sum2", [4])
        file.addTensor("b.counts", [1], offset: 32)
      }
      try expect(.malformed, ["expected sums"]) { file in
        file.addTensor("a.counts", [4])
        file.addTensor("b.counts", [1], offset: 32)
      }
      try expect(.malformed, ["a.in_sum2", "3 counts"]) { file in
        file.addTensor("a.in_sum2", [4])
        file.addTensor("a.counts", [3], offset: 32)
      }
      try expect(.malformed, ["a.in_sum2", "i32"]) { file in
        file.addTensor("a.in_sum2", [4], type: 26)
        file.addTensor("a.counts", [1], offset: 32)
      }
    }
  }

  /// A file with two tensors of at most 32 bytes, all of whose numbers are the same.
  private func file(
    in folder: URL, type: String = "imatrix", numbers: Float = 0,
    _ body: (inout GGUFBytes) -> Void
  ) throws -> URL {
    var bytes = GGUFBytes(tensors: 2, keys: 1)
    bytes.add("general.type")
    bytes.add(UInt32(8))
    bytes.add(type)
    body(&bytes)
    bytes.addData(0)
    for _ in 0..<16 { bytes.add(numbers.bitPattern) }
    let url = folder.appending(path: "importance.gguf")
    try Data(bytes.bytes).write(to: url)
    return url
  }
}
