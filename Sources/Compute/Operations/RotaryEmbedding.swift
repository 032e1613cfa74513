internal import CKernels
import Foundation
import Tensors

/// What the rotary embedding of one kind of layer needs: a table of angles.
package struct RotaryTable: Sendable {
  /// Channels of a head that are rotated.
  package let rotated: Int
  /// Positions that the table covers.
  package let positions: Int
  let cosines: [Float]
  let sines: [Float]

  /// Angles `position * frequency`, computed in f64 and rounded once.
  ///
  /// - Parameters:
  ///   - inverseFrequencies: One for each pair of channels, in radians for each position.
  ///   - factor: Factor on cosines and sines.
  package init(inverseFrequencies: [Double], factor: Double, positions: Int) {
    rotated = inverseFrequencies.count * 2
    self.positions = positions
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(positions * inverseFrequencies.count)
    sines.reserveCapacity(positions * inverseFrequencies.count)
    for position in 0..<positions {
      for frequency in inverseFrequencies {
        let angle = Double(position) * frequency
        cosines.append(Float(cos(angle) * factor))
        sines.append(Float(sin(angle) * factor))
      }
    }
    self.cosines = cosines
    self.sines = sines
  }
}

/// The rotary position embedding of queries or keys, after an optional norm of each head.
///
/// Formulas: `rotary.h` in CKernels.
final class RotaryEmbedding: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  let parameters: [Parameter]
  var savedForBackward: [Value] { parameters.isEmpty ? [] : [inputs[0].value, outputs[1]] }
  let backwardScratch: Int

  private let rows: Int
  private let tokens: Int
  private let headSize: Int
  private let epsilon: Float
  private let table: RotaryTable

  init(
    _ x: Operand, headSize: Int, norm: (weight: Parameter, epsilon: Float)?, table: RotaryTable,
    y: Value, inverse: Value?, recorder: ProgramRecorder
  ) {
    precondition(headSize <= 1024 && x.columns % headSize == 0 && table.rotated <= headSize)
    precondition(table.positions >= recorder.positions)
    inputs = [x]
    outputs = [y] + (inverse.map { [$0] } ?? [])
    parameters = norm.map { [$0.weight] } ?? []
    rows = recorder.rows
    tokens = recorder.tokens
    self.headSize = headSize
    epsilon = norm?.epsilon ?? 0
    self.table = table
    backwardScratch = norm == nil ? 0 : headSize * MemoryLayout<Float>.stride
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[inputs[0]], program[result])
    let (xStride, yStride) = (program.columns(of: inputs[0].value), program.columns(of: result))
    let inverse = inverse(in: program)
    withSettings(program) { settings in
      ThreadTeam.forRanges(of: rows) {
        ck_rotary_forward(type, settings, x, xStride, y, yStride, inverse, $0, $1)
      }
    }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let (dy, x) = (program.gradient(of: result), program[inputs[0]])
    let (xStride, yStride) = (program.columns(of: inputs[0].value), program.columns(of: result))
    let inverse = inverse(in: program)
    guard let target = program.gradientTarget(0) else { return }
    precondition(!target.accumulates, "the embedding is the only reader of its input")
    withSettings(program) { settings in
      guard let weight = parameters.first, program.trains(weight) else {
        ThreadTeam.forRanges(of: rows) {
          ck_rotary_backward(
            type, settings, dy, yStride, x, xStride, inverse, target.pointer, target.rowStride, nil,
            $0, $1)
        }
        return
      }
      // The weight's gradient is a sum over all rows: one thread, in their order.
      let scratch = program.backwardScratch.assumingMemoryBound(to: Float.self)
      scratch.update(repeating: 0, count: headSize)
      ck_rotary_backward(
        type, settings, dy, yStride, x, xStride, inverse, target.pointer, target.rowStride, scratch,
        0, rows)
      program.deliver(scratch, of: weight)
    }
  }

  private func inverse(in program: Program) -> UnsafeMutablePointer<Float>? {
    outputs.count > 1 ? program[outputs[1]].assumingMemoryBound(to: Float.self) : nil
  }

  private func withSettings(_ program: Program, _ body: (UnsafePointer<ck_rotary>) -> Void) {
    precondition(program.positionOffset + tokens <= table.positions)
    let weight = parameters.first.map { program[$0].assumingMemoryBound(to: Float.self) }
    table.cosines.withUnsafeBufferPointer { cosines in
      table.sines.withUnsafeBufferPointer { sines in
        var settings = ck_rotary(
          heads: inputs[0].columns / headSize, head_size: headSize, rotated: table.rotated,
          tokens: tokens, position_offset: program.positionOffset, cosines: cosines.baseAddress,
          sines: sines.baseAddress, weight: weight, epsilon: epsilon)
        withUnsafePointer(to: &settings, body)
      }
    }
  }
}

extension ProgramRecorder {
  /// Records the embedding of the heads in `x`; its columns are heads of `headSize` channels.
  package mutating func rotary(
    _ x: Operand, headSize: Int, norm: (weight: Parameter, epsilon: Float)?, table: RotaryTable
  ) -> Value {
    let y = value(columns: x.columns)
    let inverse = norm == nil ? nil : value(columns: x.columns / headSize, type: .float32)
    operations.append(
      RotaryEmbedding(
        x, headSize: headSize, norm: norm, table: table, y: y, inverse: inverse, recorder: self))
    return y
  }
}
