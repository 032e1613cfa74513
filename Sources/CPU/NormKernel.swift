internal import CKernels
import Compute
import Recordings
import Tensors

/// The norm of rows, or of groups of their columns.
///
/// Formulas: `norm.h` in CKernels.
struct NormKernel: Kernel {
  let step: Step
  let kind: Normalization
  private var columns: Int { step.inputs[0].columns }
  private var stride: Int { step.columns(of: step.inputs[0].value) }

  static func scratch(of node: Node) -> Scratch {
    Scratch(
      backward: node.parameters.isEmpty ? 0 : node.inputs[0].columns * MemoryLayout<Float>.stride)
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[step.inputs[0]], program[step.result])
    let statistics = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    withSettings(program) { settings in
      ThreadTeam.forRanges(of: step.rows) {
        ck_norm_forward(type, settings, x, stride, y, columns, statistics, $0, $1)
      }
    }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let (dy, x) = (program.gradient(of: step.result), program[step.inputs[0]])
    let statistics = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    withSettings(program) { settings in
      if let weight = step.parameters.first, step.trains(weight) {
        let sums = program.backwardScratch(of: step)
        sums.floats.update(repeating: 0, count: step.recording.parameters[weight.index].rows)
        ck_norm_weight_gradient(
          type, settings, dy, columns, x, stride, statistics, sums.floats, 0, step.rows)
        program.deliver(sums, of: weight)
      }
      if step.parameters.count > 1, step.trains(step.parameters[1]) {
        let sums = program.backwardScratch(of: step)
        sums.floats.update(repeating: 0, count: columns)
        ck_column_sums(type, dy, columns, sums.floats, columns, 0, step.rows)
        program.deliver(sums, of: step.parameters[1])
      }
      guard let target = program.gradientTarget(0, of: step) else { return }
      ThreadTeam.forRanges(of: step.rows) { begin, end in
        ck_norm_backward(
          type, settings, dy, columns, x, stride, statistics, target.pointer, target.rowStride,
          target.accumulates, begin, end)
      }
    }
  }

  private func withSettings(_ program: Program, _ body: (UnsafePointer<ck_norm>) -> Void) {
    let weight = step.parameters.first
    let isShared = weight.map { step.recording.parameters[$0.index].rows < columns } ?? true
    var settings = ck_norm(
      groups: columns / kind.groupSize, size: kind.groupSize,
      weight: weight.map { UnsafePointer(program[$0]) },
      bias: step.parameters.count > 1 ? UnsafePointer(program[step.parameters[1]]) : nil,
      weight_step: isShared ? 0 : kind.groupSize, is_centered: kind.isCentered,
      epsilon: kind.epsilon)
    withUnsafePointer(to: &settings, body)
  }
}
