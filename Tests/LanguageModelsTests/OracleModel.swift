import CKernels
import Checkpoints
import Compute
import Foundation
import JSONText
import LanguageModels
import Tensors
import TestSupport

/// A tiny model of Tests/Fixtures/models with the numbers that the reference computed for it.
struct OracleModel {
  let checkpoint: Checkpoint
  let description: ModelDescription
  let oracle: SafetensorsFile
  let device: CPUDevice
  static let sequences = 2
  static let tokens = 24

  /// - Parameter configuration: `config.json`, or `config_hub.json` for the spelling of published files.
  init(_ name: String, configuration: String = "config.json") throws {
    let folder = Fixtures.folder.appending(path: "models/\(name)")
    checkpoint = try Checkpoint(opening: folder)
    let parsed = try JSONValue.parse(contentsOf: folder.appending(path: configuration))
    description = try Architectures.describe(JSONReader(parsed))
    oracle = try SafetensorsFile(opening: folder.appending(path: "oracle.safetensors"))
    device = try CPUDevice(compute: .float32)
  }

  /// Hidden states before each block and after the last, and the logits, all in f32.
  func run() throws -> (hiddenStates: [[Float]], logits: [Float]) {
    let ids = try oracle.tensor("input_ids").elements(as: Int64.self).map { Int($0) }
    let program = try BlockProgram(
      description.blocks[0].block, batch: Self.sequences, tokens: Self.tokens, device: device,
      training: .nothing)
    let embedding = try TokenEmbedding(description.front, source: checkpoint, compute: .float32)
    let pointer = program.program[range: program.input].pointer
    try embedding.write(ids, to: program.program[range: program.input])
    var states = [floats(pointer, ids.count * description.hiddenSize)]
    for placed in description.blocks {
      try program.load(placed.name, from: checkpoint)
      program.program.forward()
      states.append(floats(program.program.output.pointer, ids.count * description.hiddenSize))
      states.last!.withUnsafeBytes {
        pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
    }
    let end = try BlockProgram(
      description.end.found(in: checkpoint), batch: Self.sequences, tokens: Self.tokens,
      device: device, training: .nothing)
    try end.load("", from: checkpoint, inPlace: true)
    end.program[range: end.input].upload(
      UnsafeRawBufferPointer(start: pointer, count: Self.sequences * end.sequenceByteCount))
    end.program.forward()
    return (
      states, floats(end.program.output.pointer, ids.count * description.vocabularySize)
    )
  }

  private func floats(_ pointer: UnsafeRawPointer, _ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Float.self), count: count))
  }
}
