import CPU
import Checkpoints
import Compute
import Execution
import Foundation
import GGUF
import JSONText
import LanguageModels
import Recordings
import Tensors
import TestSupport
import Testing

/// What models answer that are read from files of llama.cpp.
@Suite struct ReadLogitTests {
  /// The answers of a model to a few tokens, in f32.
  private func logits(_ url: URL, _ windows: [[Int]]) throws -> Tensor {
    let model = try ReadableModel(opening: url)
    let device = try CPUDevice(compute: .float32)
    let hidden = try model.lastHiddenStates(of: windows, on: device) { _, _ in }
    let tokens = windows[0].count
    let head = try LogitProgram(model, tokens: tokens, device: device)
    var logits: [Float] = []
    for window in windows.indices {
      logits += UnsafeBufferPointer(
        start: head.logits(of: hidden[window]), count: tokens * head.columns)
    }
    return Tensor(logits, shape: [windows.count, tokens, head.columns])
  }

  /// Those of models whose files say all of them: windows of Mistral and StarCoder 2 and the bound of OLMoE are not in
  /// files, and the tiny Qwen 3 Next has no block of attention.
  private static let models = OutlinedModel.read.filter {
    !["mistral", "starcoder2", "olmoe", "qwen3_next"].contains($0.folder)
  }

  @Test(arguments: models)
  func answersAreThoseOfTheSource(_ model: OutlinedModel) throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model.gguf")
      try model.write(to: url)
      let source = folder.appending(path: "source")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: false)
      let fixture = try model.checkpoint.folder
      for name in try FileManager.default.contentsOfDirectory(atPath: fixture.path)
      where name.hasSuffix(".safetensors") || name.hasSuffix(".index.json") {
        try FileManager.default.copyItem(
          at: fixture.appending(path: name), to: source.appending(path: name))
      }
      try Data(try model.configuration().text().utf8)
        .write(to: source.appending(path: "config.json"))
      let windows = [(0..<12).map { ($0 * 37 + 5) % 90 }]
      let (expected, found) = (try logits(source, windows), try logits(url, windows))
      expectClose(found, expected, Tolerance(absolute: 2e-4))
      // Answers that are all alike would say nothing.
      let numbers = expected.floats()
      #expect((numbers.max() ?? 0) - (numbers.min() ?? 0) > 0.01)
    }
  }

  /// Files that llama.cpp's converter made, with the answers that transformers gave to their numbers.
  @Test(arguments: ["q4_0", "q4_k_m", "q8_0"])
  func othersFilesGiveTheLogitsOfTheReference(_ type: String) throws {
    let folder = Fixtures.folder.appending(path: "formats/gguf_\(type)")
    let expected = try SafetensorsFile(opening: folder.appending(path: "expected.safetensors"))
    let ids = try expected.tensor("input_ids")
    let flat = ids.elements(as: Int32.self).map { Int($0) }
    let tokens = ids.shape[1]
    let windows = (0..<ids.shape[0]).map { Array(flat[$0 * tokens..<($0 + 1) * tokens]) }
    // A folder with one such file means the file.
    try expectClose(
      logits(folder, windows), expected.tensor("logits"), Tolerance(absolute: 1e-4))
  }
}
