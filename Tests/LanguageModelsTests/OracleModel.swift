import CKernels
import Checkpoints
import Compute
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport

/// A tiny model of Tests/Fixtures/models with the numbers that the reference computed for it.
struct OracleModel {
  let checkpoint: Checkpoint
  let description: ModelDescription
  let oracle: SafetensorsFile
  let device: CPUDevice
  let ids: [Int]
  let sequences: Int
  let tokens: Int

  /// - Parameters:
  ///   - configuration: `config.json`, or `config_hub.json` for the spelling of published files.
  ///   - changes: Keys with other values.
  init(
    _ name: String, configuration: String = "config.json", changes: [String: JSONValue] = [:]
  ) throws {
    let folder = Fixtures.folder.appending(path: "models/\(name)")
    checkpoint = try Checkpoint(opening: folder)
    var parsed = try JSONValue.parse(contentsOf: folder.appending(path: configuration))
    for (key, value) in changes { parsed.set(key, value) }
    description = try Architectures.describe(
      JSONReader(parsed), tensors: checkpoint.tensorNames)
    oracle = try SafetensorsFile(opening: folder.appending(path: "oracle.safetensors"))
    device = try CPUDevice(compute: .float32)
    let ids = try oracle.tensor("input_ids")
    self.ids = ids.elements(as: Int64.self).map { Int($0) }
    (sequences, tokens) = (ids.shape[0], ids.shape[1])
  }

  /// Hidden states before each block and after the last, and the logits, all in f32.
  func run() throws -> (hiddenStates: [[Float]], logits: [Float]) {
    let embedding = try TokenEmbedding(description.front, source: checkpoint, compute: .float32)
    let rowByteCount = description.hiddenSize * MemoryLayout<Float>.stride
    let input = DeviceRange(device.makeBuffer(byteCount: ids.count * rowByteCount))
    for first in stride(from: 0, to: ids.count, by: tokens) {
      try embedding.write(ids[first..<first + tokens], to: input + first * rowByteCount)
    }
    var state = [Float](repeating: 0, count: ids.count * description.hiddenSize)
    state.withUnsafeMutableBytes { input.download(into: $0) }
    var states = [state]
    for placed in description.blocks {
      state = try answer(of: placed.block, placed.name, to: state)
      states.append(state)
    }
    return (states, try answer(of: description.end.found(in: checkpoint), "", to: state))
  }

  func answer(of block: any DecoderBlock, _ name: String, to input: [Float]) throws
    -> [Float]
  {
    let program = try BlockProgram(
      block, batch: sequences, tokens: tokens, device: device, training: .nothing)
    try program.load(name, from: checkpoint)
    input.withUnsafeBytes { program.program[range: program.input].upload($0) }
    program.program.forward()
    var output = [Float](repeating: 0, count: sequences * tokens * program.outputColumns)
    output.withUnsafeMutableBytes { program.program.output.download(into: $0) }
    return output
  }
}
