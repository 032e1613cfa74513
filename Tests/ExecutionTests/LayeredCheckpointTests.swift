import Checkpoints
import Diagnostics
import Execution
import Foundation
import LanguageModels
import Tensors
import TestSupport
import Testing

/// A source in which each quantized layer is a tensor, wherever its numbers lie.
@Suite struct LayeredCheckpointTests {
  /// Two experts of two channels each, whose gate and up projection take turns in the columns of a stack, with biases.
  private func layers(rows: Int = 2) -> [LayerTensor] {
    (0..<2).flatMap { expert in
      ["gate", "up"].enumerated().flatMap { place, name -> [LayerTensor] in
        let layer = "experts.\(expert).\(name)"
        let steps: [StoredMatrix.Step] = [.member(expert, of: 2), .every(2, from: place)]
        return [
          LayerTensor(
            layer: layer, name: "\(layer).weight", shape: [rows, 3],
            stored: StoredMatrix("experts.both", steps, isTransposed: true)),
          LayerTensor(
            layer: layer, name: "\(layer).bias", shape: [rows],
            stored: StoredMatrix("experts.both_bias", steps)),
        ]
      }
    }
  }

  private func withSource(_ body: (Checkpoint) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "source")
      let tensors = [
        // Member, column of the matrices, their rows in turn.
        ("experts.both", Tensor((0..<24).map(Float.init), shape: [2, 3, 4])),
        ("experts.both_bias", Tensor((0..<8).map { Float(100 + $0) }, shape: [2, 4])),
        ("norm.weight", Tensor([1, 2, 3], shape: [3])),
      ]
      let writer = try CheckpointWriter(
        output: url,
        tensors: tensors.map { TensorInfo(name: $0, dtype: $1.dtype, shape: $1.shape) },
        sources: [], overwrite: false)
      for (name, tensor) in tensors { try writer.write(tensor, named: name) }
      try writer.write("{}", toFile: "config.json")
      try writer.finish()
      try body(Checkpoint(opening: url))
    }
  }

  @Test func partsAreTensorsOfTheirOwn() throws {
    try withSource { checkpoint in
      let source = try LayeredCheckpoint(checkpoint, layers: layers()) { $0 == "experts.1.up" }
      let names = Set(source.tensors.map(\.name))
      #expect(names == Set(layers().map(\.name) + ["norm.weight"]))
      #expect(source.info("experts.0.gate.weight")?.shape == [2, 3])
      #expect(source.info("experts.both") == nil)
      #expect(source.file(of: "experts.0.gate.bias") == "experts.both_bias")
      // Column 1 + 2 r of member 1 is row r of its up projection.
      #expect(
        try source.tensor("experts.1.up.weight").floats() == [13, 17, 21, 15, 19, 23])
      #expect(try source.tensor("experts.0.gate.weight").floats() == [0, 4, 8, 2, 6, 10])
      #expect(try source.tensor("experts.1.up.bias").floats() == [105, 107])
      #expect(try source.tensor("norm.weight").floats() == [1, 2, 3])
    }
  }

  @Test func whatIsNotQuantizedStaysAStack() throws {
    try withSource { checkpoint in
      let source = try LayeredCheckpoint(checkpoint, layers: layers()) { _ in false }
      #expect(source.tensors.map(\.name) == checkpoint.tensorNames)
      #expect(try source.tensor("experts.both") == checkpoint.tensor("experts.both"))
    }
  }

  /// What would be lost is not written.
  @Test func unknownPartsAreRefused() throws {
    try withSource { checkpoint in
      for layers in [Array(layers().dropLast(2)), layers(rows: 1)] {
        expectInputError(.unsupported, mentioning: ["experts.both", "[2, 3, 4]"]) {
          try LayeredCheckpoint(checkpoint, layers: layers) { _ in true }
        }
      }
    }
  }
}
