import CPU
import Compute
import Diagnostics
import Foundation
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// A recording as a value, and what devices say of it before anything is allocated.
@Suite(.oneAtATime) struct RecordingTests {
  private func recorder(headSize: Int) -> ProgramRecorder {
    var recorder = ProgramRecorder(batch: 1, tokens: 4, compute: .float32)
    let x = recorder.input(columns: headSize)
    let table = Angles(rotated: 8).table(positions: 4)
    let rotated = recorder.rotary(
      recorder.operand(x), RotaryEmbedding(headSize: headSize, table: table))
    let (turned, plain) = (recorder.operand(rotated), recorder.operand(x))
    let mixed = recorder.attention(
      query: turned, key: turned, value: plain,
      shape: AttentionShape(
        headCount: 1, keyValueHeadCount: 1, headSize: headSize, scale: 1))
    recorder.finish(output: mixed)
    return recorder
  }

  @Test func equalBlocksHaveEqualRecordings() {
    #expect(recorder(headSize: 8).recording == recorder(headSize: 8).recording)
    #expect(recorder(headSize: 8).recording.hashValue == recorder(headSize: 8).recording.hashValue)
    #expect(recorder(headSize: 8).recording != recorder(headSize: 16).recording)
  }

  @Test func attentionDeclaresWhatSequencesKeep() {
    #expect(
      recorder(headSize: 8).recording.states == [.keysAndValues(keyColumns: 8, valueColumns: 8)])
  }

  /// What one device cannot do another can; the first says why, and no program of it is made.
  @Test func whatADeviceCannotComputeIsRefused() throws {
    let recording = recorder(headSize: 2048).recording
    expectInputError(.unsupported, mentioning: ["rotary", "2048", "1024"]) {
      _ = try Program(recording, device: CPUDevice(compute: .float32), training: .nothing)
    }
    let device = ReferenceDevice(compute: .float32)
    _ = try Program(recording, device: device, training: .nothing)
  }

  /// Values with several rows for each token go through what works row by row.
  @Test(arguments: Devices.available) func rowsBelongToValues(choice: Devices.Choice) throws {
    let compute = choice.compute
    var recorder = ProgramRecorder(batch: 2, tokens: 3, compute: compute)
    let x = recorder.input(columns: 8, rows: .routed(perToken: 2))
    let weight = recorder.vector([ParameterPart(name: "w", rows: 8)])
    let normed = recorder.norm(
      recorder.operand(x), Normalization(groupSize: 8, epsilon: 0), weight: weight)
    let sum = recorder.add(x, normed)
    let gated = recorder.gate(
      .silu, recorder.operand(sum, columns: 0..<4), recorder.operand(sum, columns: 4..<8))
    recorder.finish(output: gated)
    let recording = recorder.recording
    #expect(recording.output.map(recording.rows) == 12)

    let program = try Program(recording, device: choice.make(), training: .everything)
    for part in program.parameterParts { part.range.write(Array(repeating: 1, count: 8), .float32) }
    // Rows of one number each, whose norm is one: silu(x + 1) * (x + 1).
    let rows = (1...12).map { Float($0) / 4 }
    program[range: x].write(rows.flatMap { Array(repeating: $0, count: 8) }, compute)
    program.forward()
    let expected = rows.flatMap { row in
      Array(repeating: Double((row + 1) * (row + 1)) / (1 + exp(-Double(row + 1))), count: 4)
    }
    expectClose(
      program.output.numbers(48, compute).map(Double.init), expected,
      Allowance.chain(compute))
  }
}
