internal import CKernels
import Compute
import Recordings
import Tensors

/// The rotary position embedding of queries or keys, after an optional norm of each head.
///
/// Formulas: `rotary.h` in CKernels.
struct RotaryKernel: Kernel {
  let step: Step
  let embedding: RotaryEmbedding
  private var headSize: Int { embedding.headSize }
  private var tokens: Int { step.recording.tokens }

  /// Channels of a head that a thread has room for.
  static let greatestHeadSize = 1024

  static func scratch(_ embedding: RotaryEmbedding) -> Scratch {
    Scratch(
      backward: embedding.epsilon == nil ? 0 : embedding.headSize * MemoryLayout<Float>.stride)
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[step.inputs[0]], program[step.result])
    let (xStride, yStride) = (step.columns(of: step.inputs[0].value), step.columns(of: step.result))
    let inverse = inverse(in: program)
    withSettings(program) { settings in
      ThreadTeam.forRanges(of: step.rows) {
        ck_rotary_forward(type, settings, x, xStride, y, yStride, inverse, $0, $1)
      }
    }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let (dy, x) = (program.gradient(of: step.result), program[step.inputs[0]])
    let (xStride, yStride) = (step.columns(of: step.inputs[0].value), step.columns(of: step.result))
    let inverse = inverse(in: program)
    guard let target = program.gradientTarget(0, of: step) else { return }
    withSettings(program) { settings in
      guard let weight = step.parameters.first, step.trains(weight) else {
        ThreadTeam.forRanges(of: step.rows) {
          ck_rotary_backward(
            type, settings, dy, yStride, x, xStride, inverse, target.pointer, target.rowStride,
            target.accumulates, nil, $0, $1)
        }
        return
      }
      // The weight's gradient is a sum over all rows: one thread, in their order.
      let sums = program.backwardScratch(of: step)
      sums.floats.update(repeating: 0, count: headSize)
      ck_rotary_backward(
        type, settings, dy, yStride, x, xStride, inverse, target.pointer, target.rowStride,
        target.accumulates, sums.floats, 0, step.rows)
      program.deliver(sums, of: weight)
    }
  }

  private func inverse(in program: Program) -> UnsafeMutablePointer<Float>? {
    step.node.outputs.count > 1
      ? program[step.node.outputs[1]].assumingMemoryBound(to: Float.self) : nil
  }

  private func withSettings(_ program: Program, _ body: (UnsafePointer<ck_rotary>) -> Void) {
    precondition(program.positionOffset + tokens <= embedding.table.positions)
    let weight = step.parameters.first.map { UnsafePointer(program[$0]) }
    embedding.table.cosines.withUnsafeBufferPointer { cosines in
      embedding.table.sines.withUnsafeBufferPointer { sines in
        var settings = ck_rotary(
          heads: step.inputs[0].columns / headSize, head_size: headSize,
          first: embedding.firstChannel, rotated: embedding.table.rotated,
          neighbours: embedding.pairing == .neighbours, tokens: tokens,
          position_offset: program.positionOffset, cosines: cosines.baseAddress,
          sines: sines.baseAddress, weight: weight, epsilon: embedding.epsilon ?? 0)
        withUnsafePointer(to: &settings, body)
      }
    }
  }
}
